//! `airflow/volley_parts_dag.py`: its mapped tasks are run at once, each in a Python of its own, against one PostgreSQL.

use std::fs;
use std::thread;

use serde_json::{Value, json};
use test_postgres::Database;
use volley::config::SETTLE;

use super::{by_python, stand_in};
use crate::examples::{campaign, codes_in_vain, example, furnish, reached};
use crate::skip::Need;
use crate::support::{Sandbox, contacts, number};

const PARTS: u32 = 4;
const PEOPLE_OF_A_PART: u32 = 50;

/// Loads the file, which finds the parts, fills in what Airflow does, runs one of the mapped tasks, and prints what became of
/// it.
const TASK: &str = "
import importlib.util, json, sys
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

spec = importlib.util.spec_from_file_location('volley_parts_dag', 'volley_parts_dag.py')
dag = importlib.util.module_from_spec(spec)
spec.loader.exec_module(dag)
task = BashOperator.made[int(sys.argv[1])]
filled_in = {'run_id': 'manual__2026-12-01', 'ti.map_index': sys.argv[1], 'ti.try_number': sys.argv[2]}
for name, value in filled_in.items():
    task.bash_command = task.bash_command.replace('{{ ' + name + ' }}', value)
assert '{{' not in task.bash_command, task.bash_command
told = ''
try:
    task.execute({})
    state = 'success'
except AirflowSkipException:
    state = 'skipped'
except AirflowFailException as error:
    state, told = 'failed', str(error)
except AirflowException as error:
    state, told = 'up_for_retry' if task.retries else 'failed', str(error)
print(json.dumps({
    'state': state, 'told': told, 'tasks': len(BashOperator.made), 'in_vain': sorted(dag.IN_VAIN),
    'retry_delay': task.retry_delay.total_seconds(),
}))
";

/// The example, its parts and a database without a ledger in it; none where Python or PostgreSQL are missing. Each part has
/// the first ten people of the next one too.
fn sandbox() -> Option<(Sandbox, Database)> {
    if !Need::Python3.is_met() || !test_postgres::is_there() {
        return None;
    }
    let database = test_postgres::shared().database();
    let sandbox = Sandbox::with_mock("[server]\nanswer_delay_ms = 20\n");
    furnish(&sandbox, campaign(&sandbox), 0);
    for folder in ["srv/parts", "srv/rejects"] {
        fs::create_dir(sandbox.path(folder)).expect("a folder");
    }
    for part in 0..PARTS {
        let from = part * PEOPLE_OF_A_PART;
        let to = (from + PEOPLE_OF_A_PART + 10).min(PARTS * PEOPLE_OF_A_PART);
        sandbox.write(&format!("srv/parts/part-{part:04}.ndjson"), contacts(from..to));
    }
    sandbox.write("etc/ledger-password", "127.0.0.1:*:*:volley:pw\n");
    stand_in(&sandbox);
    let dag = fs::read_to_string(example("airflow/volley_parts_dag.py")).expect("the example");
    let folder = |name: &str| sandbox.path(name).display().to_string();
    let ledger = "postgres://volley@db.example.org/volley?sslrootcert=/etc/volley/ledger-ca.pem";
    assert!(dag.contains(ledger));
    let dag = dag
        .replace(ledger, &url(&database).replace(":pw@", "@"))
        .replace("\"/etc/volley", &format!("\"{}", folder("etc")))
        .replace("\"/srv/contacts", &format!("\"{}", folder("srv")));
    sandbox.write("volley_parts_dag.py", dag);
    sandbox.write("task.py", TASK);
    Some((sandbox, database))
}

fn url(database: &Database) -> String {
    database.url_with("127.0.0.1", "silence=5")
}

fn make_ledger(sandbox: &Sandbox, database: &Database) {
    let init = ["ledger", "init", "--ledger", &url(database)];
    sandbox.volley(init).run().expect(0);
}

#[track_caller]
fn task(sandbox: &Sandbox, part: u32, nth_try: u32) -> Value {
    by_python(sandbox, &["task.py", &part.to_string(), &nth_try.to_string()])
}

#[test]
fn with_a_stand_in_for_airflow_the_mapped_tasks_send_at_once_and_nobody_twice() {
    let Some((sandbox, database)) = sandbox() else {
        return;
    };
    make_ledger(&sandbox, &database);
    thread::scope(|scope| {
        for part in 0..PARTS {
            let sandbox = &sandbox;
            scope.spawn(move || {
                let mut tries = 1;
                let mut ended = task(sandbox, part, tries);
                while ended["state"] == "up_for_retry" {
                    tries += 1;
                    ended = task(sandbox, part, tries);
                }
                assert_eq!(ended["state"], "success", "{ended}");
                assert_eq!(ended["tasks"], PARTS, "{ended}");
            });
        }
    });
    assert_eq!(reached(&sandbox), u64::from(PARTS * PEOPLE_OF_A_PART));
    // Cleared and run again, it sends to nobody.
    let before = sandbox.mock().stats().together.requests;
    for part in 0..PARTS {
        assert_eq!(task(&sandbox, part, 1)["state"], "success");
    }
    assert_eq!(sandbox.mock().stats().together.requests, before);
}

#[test]
fn with_a_stand_in_for_airflow_a_mapped_task_is_retried_only_where_that_may_help() {
    let Some((sandbox, database)) = sandbox() else {
        return;
    };
    make_ledger(&sandbox, &database);
    let fault = |deed: &str| sandbox.faults(&format!(r#"{{"rules":[{{{deed}}}]}}"#));
    fault(r#""at":"after_read","do":"status","status":401"#);
    assert_eq!(task(&sandbox, 0, 1)["state"], "failed");
    // The answer to the first batch is lost, and its probe's.
    fault(&format!(
        r#""at":"after_commit","do":"status","status":502,"number":"{}","times":2"#,
        number(0)
    ));
    assert_eq!(task(&sandbox, 0, 1)["state"], "up_for_retry");
    assert_eq!(task(&sandbox, 0, 2)["state"], "success");
    let rejects = fs::read_dir(sandbox.path("srv/rejects")).expect("a folder");
    assert_eq!(rejects.count(), 2, "a file for each try");

    // Without its server there is nothing to be mended here: 10.
    let dag = sandbox.read("volley_parts_dag.py");
    let closed = crate::support::closed_port().port();
    let away = dag.replace(
        &format!("127.0.0.1:{}/", test_postgres::shared().port()),
        &format!("127.0.0.1:{closed}/"),
    );
    assert_ne!(dag, away);
    sandbox.write("volley_parts_dag.py", away);
    let ended = task(&sandbox, 0, 1);
    assert_eq!(ended["state"], "up_for_retry", "{ended}");
    assert!(
        ended["told"]
            .as_str()
            .is_some_and(|told| told.contains("exit code 10")),
        "{ended}"
    );
}

#[test]
fn with_a_stand_in_for_airflow_no_mapped_task_makes_a_ledger() {
    let Some((sandbox, database)) = sandbox() else {
        return;
    };
    // A provider that is not loopback's: there a missing ledger would be made.
    campaign(&sandbox)
        .set("octopush.base_url", "https://provider.invalid/v1/public")
        .write_as("etc/spring-sale.toml");
    let ended = task(&sandbox, 0, 1);
    assert_eq!(ended["state"], "failed", "{ended}");
    assert!(
        ended["told"]
            .as_str()
            .is_some_and(|told| told.contains("exit code 3")),
        "{ended}"
    );
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname = 'volley'";
    assert_eq!(database.psql(schemas).trim(), "0");
}

#[test]
fn with_a_stand_in_for_airflow_the_mapped_task_s_codes_are_the_binary_s() {
    let Some((sandbox, database)) = sandbox() else {
        return;
    };
    make_ledger(&sandbox, &database);
    let ended = task(&sandbox, 0, 1);
    assert_eq!(ended["in_vain"], json!(codes_in_vain()), "{ended}");
    let delay = ended["retry_delay"].as_f64().expect("seconds");
    assert!(delay > SETTLE.as_secs_f64(), "{ended}");
}
