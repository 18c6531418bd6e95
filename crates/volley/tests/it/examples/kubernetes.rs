//! `kubernetes/ledger.yaml`, `ledger-init.yaml` and `job.yaml`. No cluster is at work in a test: what the manifests say is
//! read, and the commands of their containers are run with the volumes' paths in the sandbox.

mod indexed;

use std::fs;

use rustix::process::Signal;
use volley::config::SHUTDOWN_GRACE;
use yaml_rust2::{Yaml, YamlLoader};

use super::{
    campaign, codes_in_vain, example, expect_refused_without_ledger, expect_rejects_of_both_runs, furnish,
    may_help_itself, reached, refuse_some_and_break_off,
};
use crate::faults::wait_for_accepted;
use crate::support::{Invocation, Sandbox};
use volley::exit::Exit;

/// The documents of a manifest.
fn manifest(name: &str) -> Vec<Yaml> {
    let text = fs::read_to_string(example("kubernetes").join(name)).expect("a manifest");
    YamlLoader::load_from_str(&text).expect("YAML")
}

/// The one document of a kind.
fn of_kind(name: &str, kind: &str) -> Yaml {
    let mut found = manifest(name)
        .into_iter()
        .filter(|document| document["kind"].as_str() == Some(kind));
    found.next().unwrap_or_else(|| panic!("{name}: no {kind}"))
}

fn list(yaml: &Yaml) -> &[Yaml] {
    yaml.as_vec().expect("a list")
}

fn text(yaml: &Yaml) -> &str {
    yaml.as_str().unwrap_or_else(|| panic!("no text: {yaml:?}"))
}

#[test]
fn a_pod_that_failed_is_replaced_only_where_that_may_help() {
    let job = of_kind("job.yaml", "Job");
    let pod = &job["spec"]["template"]["spec"];
    // Without it there is no podFailurePolicy.
    assert_eq!(text(&pod["restartPolicy"]), "Never");
    assert_eq!(job["spec"]["parallelism"].as_i64(), Some(1));
    assert_eq!(text(&job["spec"]["podReplacementPolicy"]), "Failed");
    assert_eq!(codes(&job, "FailJob"), codes_in_vain());
    assert_eq!(codes(&job, "Count"), codes_that_help());
    let grace = pod["terminationGracePeriodSeconds"].as_i64().expect("seconds");
    assert!(grace.unsigned_abs() > SHUTDOWN_GRACE.as_secs());
}

/// The exit codes of the container for which a Job's policy has this action.
fn codes(job: &Yaml, action: &str) -> Vec<i64> {
    let container = text(&job["spec"]["template"]["spec"]["containers"][0]["name"]);
    let rules = list(&job["spec"]["podFailurePolicy"]["rules"]).iter();
    let by_code = rules
        .filter(|rule| text(&rule["action"]) == action)
        .map(|rule| &rule["onExitCodes"])
        .filter(|codes| !codes.is_badvalue());
    by_code
        .flat_map(|codes| {
            assert_eq!(text(&codes["containerName"]), container);
            assert_eq!(text(&codes["operator"]), "In");
            list(&codes["values"])
                .iter()
                .map(|code| code.as_i64().expect("a code"))
        })
        .collect()
}

/// Those after which running it again helps, in their order.
fn codes_that_help() -> Vec<i64> {
    let help = Exit::ALL.into_iter().filter(|exit| may_help_itself(*exit));
    help.map(|exit| exit.code().into()).collect()
}

#[test]
fn the_ledger_is_on_a_claim_for_one_pod_and_credentials_are_files_of_a_secret() {
    let claim = of_kind("ledger.yaml", "PersistentVolumeClaim");
    let modes: Vec<&str> = list(&claim["spec"]["accessModes"]).iter().map(text).collect();
    assert_eq!(modes, ["ReadWriteOncePod"]);
    for name in ["job.yaml", "ledger-init.yaml"] {
        let job = of_kind(name, "Job");
        let pod = &job["spec"]["template"]["spec"];
        for variable in list(&pod["containers"][0]["env"]) {
            if text(&variable["name"]) == "POD_NAME" {
                continue;
            }
            let volume = volume_of(pod, text(&variable["value"]));
            match text(&variable["name"]) {
                "VOLLEY_LEDGER" => assert_eq!(
                    text(&volume["persistentVolumeClaim"]["claimName"]),
                    text(&claim["metadata"]["name"])
                ),
                "OCTOPUSH_API_LOGIN_FILE" | "OCTOPUSH_API_KEY_FILE" => {
                    assert_eq!(text(&volume["secret"]["secretName"]), "octopush");
                }
                other => panic!("{name}: {other}"),
            }
        }
    }
}

/// The volume that is mounted where this path lies.
fn volume_of<'a>(pod: &'a Yaml, path: &str) -> &'a Yaml {
    let mounts = list(&pod["containers"][0]["volumeMounts"]);
    let mount = mounts
        .iter()
        .find(|mount| path.starts_with(text(&mount["mountPath"])))
        .unwrap_or_else(|| panic!("nothing is mounted at {path}"));
    let mut volumes = list(&pod["volumes"]).iter();
    volumes
        .find(|volume| volume["name"] == mount["name"])
        .expect("the mounted volume")
}

#[test]
fn nothing_that_may_be_applied_again_makes_a_ledger() {
    let mut made = 0;
    for file in fs::read_dir(example("kubernetes")).expect("the folder") {
        let name = file.expect("an entry").file_name().into_string().expect("text");
        for document in manifest(&name) {
            let metadata = &document["metadata"];
            let command = document["spec"]["template"]["spec"]["containers"][0]["command"].as_vec();
            let makes =
                command.is_some_and(|command| command.iter().map(text).eq(["volley", "ledger", "init"]));
            // `kubectl apply` finds its object by the name, and refuses to have it generated.
            assert_eq!(!makes, metadata["generateName"].is_badvalue(), "{name}");
            assert_eq!(makes, metadata["name"].is_badvalue(), "{name}");
            made += u32::from(makes);
        }
    }
    // On a claim, or on a server.
    assert_eq!(made, 2);
}

/// What the container of the manifest's Job runs, in a pod of its own name. Each volume is a folder of the sandbox of its name.
fn container(sandbox: &Sandbox, name: &str) -> Invocation {
    let job = of_kind(name, "Job");
    let container = &job["spec"]["template"]["spec"]["containers"][0];
    // Nothing names a file in /tmp, where the sandbox itself may lie.
    let mounts = list(&container["volumeMounts"])
        .iter()
        .filter(|mount| text(&mount["mountPath"]) != "/tmp");
    let placed = |line: &str| {
        mounts.clone().fold(line.to_owned(), |line, mount| {
            let folder = sandbox.path(text(&mount["name"]));
            line.replace(
                &format!("{}/", text(&mount["mountPath"])),
                &format!("{}/", folder.display()),
            )
        })
    };
    let command: Vec<String> = list(&container["command"])
        .iter()
        .map(|part| placed(text(part)))
        .collect();
    let mut run = sandbox
        .program(&command[0], &command[1..])
        .env_remove("OCTOPUSH_API_LOGIN")
        .env_remove("OCTOPUSH_API_KEY");
    for variable in list(&container["env"]) {
        let from = &variable["valueFrom"];
        let field = from["fieldRef"]["fieldPath"].as_str();
        let secret = from["secretKeyRef"]["name"].as_str();
        let value = match (field, secret) {
            (Some("metadata.name"), _) => format!("volley-spring-sale-{:08x}", fastrand::u32(..)),
            (Some(other), _) => panic!("{other}"),
            (None, Some(secret)) => key_of(sandbox, &job, secret, text(&from["secretKeyRef"]["key"])),
            (None, None) => placed(text(&variable["value"])),
        };
        run = run.env(text(&variable["name"]), value);
    }
    run
}

/// A key of a Secret, which is mounted in the same pod.
fn key_of(sandbox: &Sandbox, job: &Yaml, secret: &str, key: &str) -> String {
    let mut volumes = list(&job["spec"]["template"]["spec"]["volumes"]).iter();
    let volume = volumes.find(|volume| volume["secret"]["secretName"].as_str() == Some(secret));
    let folder = text(&volume.expect("a volume of the Secret")["name"]);
    sandbox.read(&format!("{folder}/{key}"))
}

/// The folders that the volumes stand for.
fn mount(sandbox: &Sandbox) {
    for folder in ["ledger", "campaign", "contacts", "credentials"] {
        fs::create_dir(sandbox.path(folder)).expect("a folder");
    }
    for (from, to) in [
        ("etc/spring-sale.toml", "campaign/spring-sale.toml"),
        ("srv/customers.ndjson", "contacts/customers.ndjson"),
        ("etc/octopush-login", "credentials/login"),
        ("etc/octopush-key", "credentials/key"),
    ] {
        fs::rename(sandbox.path(from), sandbox.path(to)).expect("a file");
    }
}

#[test]
fn the_job_s_command_sends_once_with_its_secret_and_never_without_its_ledger() {
    let sandbox = Sandbox::new();
    furnish(&sandbox, campaign(&sandbox), 20);
    mount(&sandbox);
    let job = || container(&sandbox, "job.yaml").run();
    expect_refused_without_ledger(&sandbox, &job(), "ledger/volley.db");
    let init = || container(&sandbox, "ledger-init.yaml").run();
    assert_eq!(init().code(), 0);
    job().expect(0).expect_lines(&[("accepted", 20)]);
    assert_eq!(init().code(), 3, "the ledger is left as it is");
    job().expect(0).expect_lines(&[("already_sent", 20)]);
    assert_eq!(reached(&sandbox), 20);
    assert_eq!(sandbox.read_ndjson("ledger/spring-sale.summary.json").len(), 1);
}

#[test]
fn each_pod_of_the_job_keeps_its_rejects() {
    let sandbox = Sandbox::new();
    furnish(&sandbox, campaign(&sandbox), 20);
    mount(&sandbox);
    assert_eq!(container(&sandbox, "ledger-init.yaml").run().code(), 0);
    refuse_some_and_break_off(&sandbox);
    for code in [8, 0] {
        container(&sandbox, "job.yaml").run().expect(code);
    }
    expect_rejects_of_both_runs(&sandbox, "ledger");
}

#[test]
fn sigterm_to_the_job_s_process_is_volley_s_and_the_next_pod_goes_on() {
    let sandbox = Sandbox::with_mock("[server]\nanswer_delay_ms = 50\n");
    let slow = campaign(&sandbox).set("limits.requests_per_second", 100.0);
    furnish(&sandbox, slow, 1000);
    mount(&sandbox);
    assert_eq!(container(&sandbox, "ledger-init.yaml").run().code(), 0);
    let pod = container(&sandbox, "job.yaml").start();
    wait_for_accepted(&sandbox, 10);
    pod.signal(Signal::TERM);
    let end = pod.wait();
    end.expect(143);
    assert_eq!(end.lines("in_doubt"), 0, "{end}");
    assert!(end.lines("pending") > 0, "{end}");
    let next = container(&sandbox, "job.yaml").run();
    next.expect(0);
    assert_eq!(reached(&sandbox), 1000);
}
