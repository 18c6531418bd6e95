"""Sends the spring sale from many Airflow workers at once: a mapped task, one for each part of the input, over one ledger in
PostgreSQL.

Written for Airflow 3; Airflow 2 has BashOperator in airflow.operators.bash, DAG in airflow, task in airflow.decorators, and
the exceptions in airflow.exceptions.

Once, by hand, before the first run: volley ledger init --ledger 'postgres://volley@db.example.org/volley?sslrootcert=…'

The parts lie where every worker sees them, and may overlap: what is at most once, and what the limits are, holds for all
tasks together. A task that is cleared, marked, retried or run beside itself goes on where the last run ended, and nobody is
sent to twice. A worker that is lost is noticed by the others within seconds, and what it had under way is settled.
"""

from datetime import datetime, timedelta
from pathlib import Path

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException

# No password stands in the URL: it is in the file that PGPASSFILE names, as host:port:database:user:password.
LEDGER = "postgres://volley@db.example.org/volley?sslrootcert=/etc/volley/ledger-ca.pem"
CAMPAIGN = Path("/etc/volley/spring-sale.toml")
# part-0000.ndjson and so on, as `split -n l/8 -d -a 4 --additional-suffix=.ndjson` makes them.
PARTS = Path("/srv/contacts/parts")
# A file for each try of each part (Airflow fills it in): the provider's words for a refusal stand only in the rejects of the
# try that got them.
REJECTS = Path("/srv/contacts/rejects") / "{{ run_id }}.{{ ti.map_index }}.{{ ti.try_number }}.ndjson"
# More at a time do not make it faster once the campaign's rate is reached.
AT_ONCE = 4

# Somebody must mend something first: a bug, wrong usage, the campaign file or a missing ledger, an input, refusals, a damaged
# ledger, a limit of your own, credentials or credit. The others may help themselves: 6 (in doubt), 8 (no answer), 10 (the
# ledger's server is away, or another part had numbers under way and gave them back), signals.
IN_VAIN = {1, 2, 3, 4, 5, 7, 9, 11}

ENVIRONMENT = {
    "VOLLEY_LEDGER": LEDGER,
    "PGPASSFILE": "/etc/volley/ledger-password",
    "OCTOPUSH_API_LOGIN_FILE": "/etc/volley/octopush-login",
    "OCTOPUSH_API_KEY_FILE": "/etc/volley/octopush-key",
}


class VolleySend(BashOperator):
    """`volley send`. Airflow retries whatever fails, so what is in vain is told apart by volley's exit code.

    No ledger is ever made here: without one volley ends with 3, and nothing is sent.
    """

    def execute(self, context):
        try:
            return super().execute(context)
        except AirflowException as failed:
            if self.exit_code() in IN_VAIN:
                raise AirflowFailException(f"{failed} Running it again does not help.") from failed
            raise

    def exit_code(self):
        """What the command ended with, or None: it never began."""
        process = self.subprocess_hook.sub_process
        return process and process.returncode


with DAG(
    dag_id="volley_spring_sale_parts",
    schedule=None,
    start_date=datetime(2026, 12, 1),
    catchup=False,
):

    @task
    def parts():
        """The environment of each task: its part, and what all of them share."""
        found = sorted(PARTS.glob("part-*.ndjson"))
        if not found:
            raise AirflowFailException(f"no part-*.ndjson in {PARTS}: nothing was sent")
        return [ENVIRONMENT | {"PART": str(part)} for part in found]

    VolleySend.partial(
        task_id="send",
        # `exec`: volley itself hears the SIGTERM that Airflow sends to the task's processes, once.
        bash_command=f"exec volley send {CAMPAIGN} \"$PART\" --json --rejects '{REJECTS}'",
        append_env=True,
        # By default 99, which is none of volley's; nothing is skipped here, 10 least of all.
        skip_on_exit_code=None,
        retries=10,
        # More than the campaign's limits.settle (30s), so that doubts are due.
        retry_delay=timedelta(minutes=1),
        max_active_tis_per_dag=AT_ONCE,
    ).expand(env=parts())
