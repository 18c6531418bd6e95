//! What a case needs before it can be measured: contacts, the bare sender's recipients, a finished campaign.
//!
//! Everything lies in one folder that goes with the invocation.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use crate::campaign::campaign;
use crate::child::{Launch, Used};
use crate::contacts::Written;
use crate::error::LoadError;
use crate::pin::Pins;
use crate::scenario::{Case, Does, Input, Scenario, ServerKind};
use crate::server::{Server, Start};
use crate::tls::Identity;

/// The programs that are run.
#[derive(Debug, Clone)]
pub(crate) struct Programs {
    pub(crate) volley: PathBuf,
    pub(crate) mock: PathBuf,
    pub(crate) own: PathBuf,
    /// Where the peers' interpreters and packages were put.
    pub(crate) peers: PathBuf,
}

/// Where all cases of a scenario are measured.
pub(crate) struct Workshop {
    pub(crate) programs: Programs,
    pub(crate) pins: Pins,
    pub(crate) seed: u64,
    pub(crate) deadline: Instant,
    folder: TempDir,
    identity: Identity,
}

/// A case that is ready.
pub(crate) struct Stage<'a> {
    pub(crate) case: &'a Case,
    pub(crate) contacts: Written,
    /// What the program reads.
    pub(crate) input: PathBuf,
    /// Where it runs, if that is the same folder each time.
    pub(crate) lasting: Option<PathBuf>,
}

impl Workshop {
    pub(crate) fn new(
        programs: Programs,
        pins: Pins,
        scenario: &Scenario,
        deadline: Instant,
    ) -> Result<Self, LoadError> {
        // Beside the programs: on a disk, where a sync costs what it costs.
        let beside = programs.own.parent().unwrap_or(Path::new("."));
        let folder = tempfile::Builder::new()
            .prefix("load-tests-")
            .tempdir_in(beside)
            .map_err(|source| LoadError::Write {
                path: beside.into(),
                source,
            })?;
        Ok(Self {
            identity: Identity::new(folder.path())?,
            programs,
            pins,
            seed: scenario.seed,
            deadline,
            folder,
        })
    }

    /// Makes ready what a case needs.
    pub(crate) fn prepare<'a>(&self, case: &'a Case) -> Result<Stage<'a>, LoadError> {
        let contacts = Written::new(&case.contacts, self.seed, self.folder.path())?;
        let mut stage = Stage {
            input: contacts.path.clone(),
            contacts,
            case,
            lasting: None,
        };
        if case.input == Input::Gzip {
            stage.input = compressed(&stage.input)?;
        }
        match case.does {
            Does::Bare => {
                let prepared = stage.contacts.path.with_extension("prepared");
                if !prepared.exists() {
                    let record = ["--record".to_owned(), prepared.display().to_string()];
                    self.send_once(&stage, &self.new_folder()?, &record)?;
                }
                stage.input = prepared;
            }
            Does::Rerun => {
                let folder = self.new_folder()?;
                self.send_once(&stage, &folder, &[])?;
                stage.lasting = Some(folder);
            }
            Does::Send | Does::Plan | Does::Version | Does::Peer => {}
        }
        Ok(stage)
    }

    /// Sends a case's contacts to the counting server.
    fn send_once(&self, stage: &Stage<'_>, folder: &Path, count_args: &[String]) -> Result<(), LoadError> {
        let server = self.counting(count_args)?;
        self.write_campaign(stage, &server, folder)?;
        let args = ["--json", "send", "campaign.toml"].map(Into::into);
        let used = self
            .launch(&self.programs.volley, args.into(), folder)
            .and_input(&stage.contacts.path)
            .run()?;
        if used.exit_code != Some(0) {
            return Err(failed("volley send", &used));
        }
        server.stop()
    }

    /// The server of a case.
    pub(crate) fn server(&self, case: &Case) -> Result<Server, LoadError> {
        if case.server == ServerKind::Counting {
            return self.counting(&[]);
        }
        let settings = self.new_folder()?.join("mock.toml");
        write(&settings, &case.mock.to_string())?;
        let mut args = vec![
            "--listen".to_owned(),
            "127.0.0.1:0".to_owned(),
            "--seed".to_owned(),
            self.seed.to_string(),
            "--config".to_owned(),
            settings.display().to_string(),
        ];
        if case.tls {
            args.extend(self.identity.args());
        }
        let server = Start {
            program: &self.programs.mock,
            args,
            core: self.pins.server,
            tls: case.tls.then(|| Arc::clone(&self.identity.client)),
        }
        .start()?;
        if !case.faults.is_empty() {
            let script = serde_json::json!({ "seed": self.seed, "rules": case.faults });
            server.control.set_faults(&script.to_string())?;
        }
        Ok(server)
    }

    fn counting(&self, args: &[String]) -> Result<Server, LoadError> {
        Start {
            program: &self.programs.own,
            args: [&["count".to_owned()], args].concat(),
            core: self.pins.server,
            tls: None,
        }
        .start()
    }

    /// Writes `campaign.toml` for this server into a folder.
    pub(crate) fn write_campaign(
        &self,
        stage: &Stage<'_>,
        server: &Server,
        folder: &Path,
    ) -> Result<(), LoadError> {
        let case = stage.case;
        let address = &server.control.address;
        let (base_url, ca_file) = if case.tls {
            // The certificate is made out to the name.
            let port = address.rsplit(':').next().unwrap_or_default();
            (format!("https://localhost:{port}"), Some(self.identity.ca_file()))
        } else {
            (format!("http://{address}"), None)
        };
        let text = campaign(case.provider, &base_url, ca_file.as_deref(), &case.campaign);
        write(&folder.join("campaign.toml"), &text)
    }

    pub(crate) fn new_folder(&self) -> Result<PathBuf, LoadError> {
        tempfile::Builder::new()
            .tempdir_in(self.folder.path())
            .map(TempDir::keep)
            .map_err(|source| LoadError::Write {
                path: self.folder.path().into(),
                source,
            })
    }

    pub(crate) fn launch<'a>(
        &self,
        program: &Path,
        args: Vec<std::ffi::OsString>,
        folder: &'a Path,
    ) -> Launch<'a> {
        Launch {
            program: program.into(),
            args,
            folder,
            stdin: None,
            core: self.pins.program,
            deadline: self.deadline,
            kill_when: None,
        }
    }
}

impl Launch<'_> {
    pub(crate) fn and_input(mut self, input: &Path) -> Self {
        self.args.push(input.into());
        self
    }
}

/// A program that ended as it should not have.
pub(crate) fn failed(what: &str, used: &Used) -> LoadError {
    let (code, signal) = (used.exit_code, used.signal);
    LoadError::Wrong(format!(
        "{what} ended with {code:?}, signal {signal:?}: {} {}",
        used.stderr.trim(),
        used.stdout.trim()
    ))
}

fn write(path: &Path, text: &str) -> Result<(), LoadError> {
    fs::write(path, text).map_err(|source| LoadError::Write {
        path: path.into(),
        source,
    })
}

fn compressed(path: &Path) -> Result<PathBuf, LoadError> {
    let target = path.with_extension("ndjson.gz");
    let copy = || -> io::Result<()> {
        let mut out = GzEncoder::new(File::create(&target)?, Compression::default());
        io::copy(&mut File::open(path)?, &mut out)?;
        out.finish().map(drop)
    };
    copy().map_err(|source| LoadError::Write {
        path: target.clone(),
        source,
    })?;
    Ok(target)
}
