//! `airflow/volley_dag.py`, loaded and run by Python with a stand-in for Airflow: its `BashOperator` runs the command for real,
//! and what the task ends with is told by the exception, as Airflow tells it.

mod parts;

use std::fs;

use serde_json::Value;
use volley::config::SETTLE;

use super::{
    campaign, codes_in_vain, example, expect_rejects_of_both_runs, furnish, reached,
    refuse_some_and_break_off,
};
use crate::signals::runs_begun;
use crate::skip::Need;
use crate::support::{Sandbox, contacts, number, wait_until};

/// As much of Airflow 3 as the file uses. `execute` does with the exit code what Airflow's own `BashOperator` does, and leaves
/// the process where that one does.
const STAND_INS: [(&str, &str); 3] = [
    (
        "airflow/sdk/__init__.py",
        "
class DAG:
    def __init__(self, **arguments):
        self.arguments = arguments
    def __enter__(self):
        return self
    def __exit__(self, *raised):
        return None

def task(function):
    return function
",
    ),
    (
        "airflow/sdk/exceptions.py",
        "
class AirflowException(Exception): pass
class AirflowFailException(AirflowException): pass
class AirflowSkipException(AirflowException): pass
",
    ),
    (
        "airflow/providers/standard/operators/bash.py",
        "
import os, subprocess
from airflow.sdk.exceptions import AirflowException, AirflowSkipException

class SubprocessHook:
    sub_process = None

class Mapped:
    def __init__(self, operator, shared):
        self.operator, self.shared = operator, shared

    def expand(self, **mapped):
        [(name, values)] = mapped.items()
        return [self.operator(**self.shared, **{name: value}) for value in values]

class BashOperator:
    made = []

    def __init__(self, **arguments):
        self.__dict__.update(arguments)
        self.subprocess_hook = SubprocessHook()
        BashOperator.made.append(self)

    @classmethod
    def partial(cls, **shared):
        return Mapped(cls, shared)

    def execute(self, context):
        environment = {**(os.environ if self.append_env else {}), **self.env}
        process = subprocess.Popen(['bash', '-c', self.bash_command], env=environment)
        self.subprocess_hook.sub_process = process
        code = process.wait()
        if code == self.skip_on_exit_code:
            raise AirflowSkipException(f'exit code {code}')
        if code != 0:
            raise AirflowException(f'exit code {code}')
",
    ),
];

/// Loads the file, fills in what Airflow does, runs its one task, and prints what became of it.
const TASK: &str = "
import importlib.util, json, sys
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

spec = importlib.util.spec_from_file_location('volley_dag', 'volley_dag.py')
dag = importlib.util.module_from_spec(spec)
spec.loader.exec_module(dag)
[task] = BashOperator.made
evening = {'run_id': 'scheduled__2026-12-01T18:30:00+00:00', 'ti.try_number': sys.argv[1]}
for name, value in evening.items():
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
except AirflowException:
    state = 'up_for_retry' if task.retries else 'failed'
print(json.dumps({
    'state': state, 'told': told, 'in_vain': sorted(dag.IN_VAIN), 'retry_delay': task.retry_delay.total_seconds(),
}))
";

/// The example and the stand-ins in a sandbox; none where there is no Python.
fn sandbox() -> Option<Sandbox> {
    if !Need::Python3.is_met() {
        return None;
    }
    let sandbox = Sandbox::new();
    furnish(&sandbox, campaign(&sandbox), 20);
    fs::create_dir(sandbox.path("state")).expect("a folder");
    stand_in(&sandbox);
    let dag = fs::read_to_string(example("airflow/volley_dag.py")).expect("the example");
    let folder = |name: &str| sandbox.path(name).display().to_string();
    let dag = dag
        .replace("Path(\"/var/lib/volley", &format!("Path(\"{}", folder("state")))
        .replace("\"/etc/volley", &format!("\"{}", folder("etc")))
        .replace("\"/srv/contacts", &format!("\"{}", folder("srv")));
    sandbox.write("volley_dag.py", dag);
    sandbox.write("task.py", TASK);
    Some(sandbox)
}

/// Places what stands for Airflow.
fn stand_in(sandbox: &Sandbox) {
    for (name, text) in STAND_INS {
        let path = sandbox.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
}

/// The task's first try.
#[track_caller]
fn task(sandbox: &Sandbox) -> Value {
    nth_try(sandbox, 1)
}

#[track_caller]
fn nth_try(sandbox: &Sandbox, nth: u32) -> Value {
    by_python(sandbox, &["task.py", &nth.to_string()])
}

/// What a script prints last, as JSON.
#[track_caller]
fn by_python(sandbox: &Sandbox, args: &[&str]) -> Value {
    let end = sandbox
        .program("python3", args)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env_remove("OCTOPUSH_API_LOGIN")
        .env_remove("OCTOPUSH_API_KEY")
        .run();
    assert_eq!(end.code(), 0, "{end}");
    let told = end.stdout.lines().last().expect("a line");
    serde_json::from_str(told).unwrap_or_else(|error| panic!("{error}\n{end}"))
}

#[track_caller]
fn expect_state(sandbox: &Sandbox, state: &str) {
    let ended = task(sandbox);
    assert_eq!(ended["state"], state, "{ended}");
}

#[test]
fn with_a_stand_in_for_airflow_the_task_sends_once_and_never_without_its_ledger() {
    let Some(sandbox) = sandbox() else { return };
    let ended = task(&sandbox);
    assert_eq!(ended["state"], "failed", "{ended}");
    let told = ended["told"].as_str().expect("text");
    assert!(
        told.contains("no ledger") && told.contains("volley ledger init"),
        "{told}"
    );
    assert_eq!(sandbox.mock().stats().together.requests, 0);
    assert!(!sandbox.path("state/volley.db").exists());
    make_ledger(&sandbox);
    for people in [20_u32, 20, 30] {
        sandbox.write("srv/customers.ndjson", contacts(0..people));
        expect_state(&sandbox, "success");
        assert_eq!(reached(&sandbox), u64::from(people));
    }
}

fn make_ledger(sandbox: &Sandbox) {
    let made = sandbox
        .volley(["ledger", "init", "--ledger", "state/volley.db"])
        .run();
    assert_eq!(made.code(), 0, "{made}");
}

#[test]
fn with_a_stand_in_for_airflow_the_task_is_retried_only_where_that_may_help() {
    let Some(sandbox) = sandbox() else { return };
    make_ledger(&sandbox);
    let fault = |deed: &str| sandbox.faults(&format!(r#"{{"rules":[{{{deed}}}]}}"#));
    fault(r#""at":"after_read","do":"status","status":401"#);
    expect_state(&sandbox, "failed");
    // The answer to the first batch is lost, and its probe's.
    fault(&format!(
        r#""at":"after_commit","do":"status","status":502,"number":"{}","times":2"#,
        number(0)
    ));
    expect_state(&sandbox, "up_for_retry");
    expect_state(&sandbox, "success");
    assert_eq!(reached(&sandbox), 20);

    let before = runs_begun(&sandbox.path("state/volley.db"));
    let mut other = sandbox
        .volley(["send", "etc/spring-sale.toml", "-", "--ledger", "state/volley.db"])
        .start_piped();
    let pipe = other.take_stdin().expect("a pipe");
    wait_until("the other run to begin", || {
        runs_begun(&sandbox.path("state/volley.db")) > before
    });
    expect_state(&sandbox, "skipped");
    drop(pipe);
    other.wait();
}

#[test]
fn with_a_stand_in_for_airflow_an_end_that_leaves_no_summary_is_not_retried() {
    let Some(sandbox) = sandbox() else { return };
    make_ledger(&sandbox);
    let dag = sandbox.read("volley_dag.py");
    let mistaken = dag.replace("exec volley send", "exec volley send --no-such-option");
    assert_ne!(dag, mistaken);
    sandbox.write("volley_dag.py", mistaken);
    let summary = "state/spring-sale.summary.json";
    // The summary of an earlier run, which would have been retried, is not taken for this one's.
    for earlier in [None, Some(r#"{"exit_code":8}"#)] {
        if let Some(earlier) = earlier {
            sandbox.write(summary, earlier);
        }
        let ended = task(&sandbox);
        assert_eq!(ended["state"], "failed", "{ended}");
        assert!(
            ended["told"]
                .as_str()
                .is_some_and(|told| told.contains("exit code 2")),
            "{ended}"
        );
        assert_eq!(sandbox.path(summary).exists(), earlier.is_some(), "{ended}");
    }
}

#[test]
fn with_a_stand_in_for_airflow_each_try_keeps_its_rejects() {
    let Some(sandbox) = sandbox() else { return };
    make_ledger(&sandbox);
    refuse_some_and_break_off(&sandbox);
    assert_eq!(nth_try(&sandbox, 1)["state"], "up_for_retry");
    assert_eq!(nth_try(&sandbox, 2)["state"], "success");
    expect_rejects_of_both_runs(&sandbox, "state");
}

#[test]
fn with_a_stand_in_for_airflow_the_dag_s_codes_are_the_binary_s() {
    let Some(sandbox) = sandbox() else { return };
    let ended = task(&sandbox);
    assert_eq!(ended["in_vain"], serde_json::json!(codes_in_vain()), "{ended}");
    let delay = ended["retry_delay"].as_f64().expect("seconds");
    assert!(delay > SETTLE.as_secs_f64(), "{ended}");
}
