//! Credentials, from the environment or from files; never from flags, the campaign file or the ledger.
//!
//! `NAME`, or `NAME_FILE` naming a file whose content, without the newline at its end, is the value. A file that
//! others may write is refused, since they could make us pay; one that others may read is warned of.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use volley_provider::exotel::Exotel;
use volley_provider::octopush::Octopush;
use volley_provider::{Api, Content, ExotelCredentials, OctopushCredentials, Secret};

use super::Campaign;

/// Why there are no credentials.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// Neither the variable nor its file is given.
    #[error("find credentials: set {name}, or {name}_FILE to a file that holds it")]
    Missing {
        /// The variable.
        name: &'static str,
    },
    /// Both are given, and nobody knows which is meant.
    #[error("find credentials: both {name} and {name}_FILE are set; unset one")]
    Both {
        /// The variable.
        name: &'static str,
    },
    /// The file cannot be read.
    #[error("read {name}_FILE {path}: {source}; correct {name}_FILE, or set {name} in its place")]
    Read {
        /// The variable.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Others may write the file.
    #[error("use {name}_FILE {path}: others may write it; chmod go-w it")]
    Writable {
        /// The variable.
        name: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The value cannot stand in a header.
    #[error("use {name}: it is empty or has characters that no credential has")]
    Unusable {
        /// The variable.
        name: &'static str,
    },
}

/// An account at a provider. Prints none of its secrets.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// At Octopush.
    Octopush(OctopushCredentials),
    /// At Exotel.
    Exotel {
        /// What is secret.
        credentials: ExotelCredentials,
        /// What is not.
        account_sid: String,
    },
}

impl Credentials {
    /// Those for the campaign's provider. `warn` gets what is no error.
    ///
    /// # Errors
    /// See [`CredentialsError`]; no variant holds a value.
    pub fn of(campaign: &Campaign, warn: &mut dyn FnMut(String)) -> Result<Self, CredentialsError> {
        Ok(match &campaign.content {
            Content::Sms(_) => Self::Octopush(octopush(warn)?),
            Content::Voice(_) => Self::Exotel {
                credentials: exotel(warn)?,
                account_sid: campaign.account_sid.clone().unwrap_or_default(),
            },
        })
    }

    /// Some for the campaign's provider that no provider knows, for a rehearsal.
    pub fn of_nobody(campaign: &Campaign) -> Self {
        let nobody = || "rehearsal".to_owned();
        match &campaign.content {
            Content::Sms(_) => Self::Octopush(OctopushCredentials {
                login: nobody(),
                key: Secret::new(nobody()),
            }),
            Content::Voice(_) => Self::Exotel {
                credentials: ExotelCredentials {
                    key: Secret::new(nobody()),
                    token: Secret::new(nobody()),
                },
                account_sid: campaign.account_sid.clone().unwrap_or_default(),
            },
        }
    }

    /// The account's name in the ledger: no secret of its.
    pub fn account(&self) -> String {
        match self {
            Self::Octopush(credentials) => credentials.account(),
            Self::Exotel { account_sid, .. } => account_sid.clone(),
        }
    }

    /// The account's requests.
    ///
    /// # Errors
    /// They fit into no request.
    pub fn api(&self) -> Result<Api, volley_provider::CredentialsError> {
        Ok(match self {
            Self::Octopush(credentials) => Api::Octopush(Octopush::new(credentials)?),
            Self::Exotel {
                credentials,
                account_sid,
            } => Api::Exotel(Exotel::new(credentials, account_sid)?),
        })
    }
}

/// Exotel's credentials, from `EXOTEL_API_KEY` and `EXOTEL_API_TOKEN`. `warn` gets what is no error.
///
/// # Errors
/// See [`CredentialsError`]; no variant holds a value.
pub fn exotel(warn: &mut dyn FnMut(String)) -> Result<ExotelCredentials, CredentialsError> {
    Ok(ExotelCredentials {
        key: Secret::new(value("EXOTEL_API_KEY", warn)?),
        token: Secret::new(value("EXOTEL_API_TOKEN", warn)?),
    })
}

/// Octopush's credentials, from `OCTOPUSH_API_LOGIN` and `OCTOPUSH_API_KEY`. `warn` gets what is no error.
///
/// # Errors
/// See [`CredentialsError`]; no variant holds a value.
pub fn octopush(warn: &mut dyn FnMut(String)) -> Result<OctopushCredentials, CredentialsError> {
    let login = value("OCTOPUSH_API_LOGIN", warn)?;
    let key = value("OCTOPUSH_API_KEY", warn)?;
    Ok(OctopushCredentials {
        login,
        key: Secret::new(key),
    })
}

fn value(name: &'static str, warn: &mut dyn FnMut(String)) -> Result<String, CredentialsError> {
    let direct = std::env::var(name).ok().filter(|value| !value.is_empty());
    let file = std::env::var_os(format!("{name}_FILE")).filter(|path| !path.is_empty());
    let value = match (direct, file) {
        (Some(_), Some(_)) => return Err(CredentialsError::Both { name }),
        (None, None) => return Err(CredentialsError::Missing { name }),
        (Some(value), None) => value,
        (None, Some(path)) => from_file(name, Path::new(&path), warn)?,
    };
    if value.is_empty() || !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(CredentialsError::Unusable { name });
    }
    Ok(value)
}

fn from_file(
    name: &'static str,
    path: &Path,
    warn: &mut dyn FnMut(String),
) -> Result<String, CredentialsError> {
    let read = |source| CredentialsError::Read {
        name,
        path: path.to_owned(),
        source,
    };
    let mode = std::fs::metadata(path).map_err(read)?.permissions().mode();
    if mode & 0o022 != 0 {
        return Err(CredentialsError::Writable {
            name,
            path: path.to_owned(),
        });
    }
    if mode & 0o044 != 0 {
        warn(format!(
            "{name}_FILE {} can be read by others; chmod 600 it",
            path.display()
        ));
    }
    Ok(std::fs::read_to_string(path)
        .map_err(read)?
        .trim_end_matches(['\r', '\n'])
        .to_owned())
}
