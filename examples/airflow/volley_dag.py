"""Sends the spring sale every weekday evening, as an Airflow task that is retried only where that may help.

Written for Airflow 3; Airflow 2 has BashOperator in airflow.operators.bash, DAG in airflow, and the exceptions in
airflow.exceptions.

Once, by hand, on the worker before the first run: volley ledger init --ledger /var/lib/volley/volley.db

The ledger lies on a local disk of one worker, so the task goes to that worker's queue: another one has no ledger, and
refuses. A task that is cleared, marked or retried goes on where the last run ended, and nobody is sent to twice.
"""

from datetime import datetime, timedelta
from pathlib import Path

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowException, AirflowFailException

STATE = Path("/var/lib/volley")
LEDGER = STATE / "volley.db"
SUMMARY = STATE / "spring-sale.summary.json"
# A file for each try of each evening (Airflow fills it in): the provider's words for a refusal stand only in the rejects of
# the try that got them.
REJECTS = STATE / "spring-sale.rejects.{{ run_id }}.{{ ti.try_number }}.ndjson"
CAMPAIGN = Path("/etc/volley/spring-sale.toml")
CONTACTS = Path("/srv/contacts/customers.ndjson")

# Somebody must mend something first: a bug, wrong usage, the campaign file, an input, refusals, a damaged ledger, a limit
# of your own, credentials or credit. The others may help themselves: 6 (in doubt), 8 (no answer), signals.
IN_VAIN = {1, 2, 3, 4, 5, 7, 9, 11}
# Another run holds the ledger, and is at work on this campaign or will leave it to the next evening.
HELD = 10


class VolleySend(BashOperator):
    """`volley send`. Airflow retries whatever fails, so what is in vain is told apart by volley's exit code."""

    def execute(self, context):
        # A new ledger knows of nobody, and would let everybody be sent to again. So none is ever made here.
        if not LEDGER.is_file():
            raise AirflowFailException(
                f"no ledger at {LEDGER}: nothing was sent. Is this its worker, and its disk mounted? Only before the "
                "very first run is it made, by: volley ledger init --ledger FILE"
            )
        try:
            return super().execute(context)
        except AirflowException as failed:
            if self.exit_code() in IN_VAIN:
                raise AirflowFailException(f"{failed} Running it again does not help.") from failed
            raise

    def exit_code(self):
        """What the command ended with, or None: it never began.

        Not the summary's: wrong usage leaves none, nor does a full disk.
        """
        process = self.subprocess_hook.sub_process
        return process and process.returncode


with DAG(
    dag_id="volley_spring_sale",
    schedule="30 18 * * 1-5",
    start_date=datetime(2026, 12, 1),
    # An evening that was missed is not made up for, and no two run at once.
    catchup=False,
    max_active_runs=1,
):
    VolleySend(
        task_id="send",
        # `exec`: volley itself hears the SIGTERM that Airflow sends to the task's processes, once.
        bash_command=f"exec volley send {CAMPAIGN} {CONTACTS} --summary-file {SUMMARY} --rejects '{REJECTS}'",
        env={
            "VOLLEY_LEDGER": str(LEDGER),
            "OCTOPUSH_API_LOGIN_FILE": "/etc/volley/octopush-login",
            "OCTOPUSH_API_KEY_FILE": "/etc/volley/octopush-key",
        },
        append_env=True,
        skip_on_exit_code=HELD,
        retries=5,
        # More than the campaign's limits.settle (30s), so that doubts are due.
        retry_delay=timedelta(minutes=2),
        queue="volley",
    )
