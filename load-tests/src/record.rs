//! The recipients of real bodies, one a line: what the bare sender makes its bodies of.
//!
//! Input: bodies as Volley sent them. Output: a file whose first line is what stands behind the recipients up to the
//! request's key, and each further line one recipient, byte for byte.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::LoadError;

/// Behind it stands the request's key, which is the last member of a body.
pub(crate) const KEY: &str = r#","request_id":""#;

/// Writes the file.
pub(crate) struct Recorder {
    out: BufWriter<File>,
    path: PathBuf,
    bodies: u64,
}

/// The part of a body that is taken apart.
#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    recipients: Vec<&'a RawValue>,
}

impl Recorder {
    pub(crate) fn create(path: &Path) -> Result<Self, LoadError> {
        let file = File::create(path).map_err(|source| LoadError::Write {
            path: path.into(),
            source,
        })?;
        Ok(Self {
            out: BufWriter::new(file),
            path: path.into(),
            bodies: 0,
        })
    }

    /// Adds the recipients of a body; of the first one its tail as well.
    pub(crate) fn add(&mut self, body: &[u8]) -> io::Result<()> {
        let parsed: Body<'_> = serde_json::from_slice(body)?;
        if self.bodies == 0 {
            self.out.write_all(tail(body)?)?;
            self.out.write_all(b"\n")?;
        }
        self.bodies += 1;
        for recipient in parsed.recipients {
            self.out.write_all(recipient.get().as_bytes())?;
            self.out.write_all(b"\n")?;
        }
        Ok(())
    }

    pub(crate) fn finish(&mut self) -> Result<(), LoadError> {
        self.out.flush().map_err(|source| LoadError::Write {
            path: self.path.clone(),
            source,
        })
    }
}

/// From the end of the recipients up to the key: `],"text":…,"request_id":"`.
fn tail(body: &[u8]) -> io::Result<&[u8]> {
    let odd = || {
        io::Error::new(
            io::ErrorKind::InvalidData,
            "a body that is not as Volley writes it",
        )
    };
    let key = memchr::memmem::rfind(body, KEY.as_bytes()).ok_or_else(odd)?;
    let begin = memchr::memmem::rfind(&body[..key], br#"],"text":"#).ok_or_else(odd)?;
    Ok(&body[begin..key + KEY.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipients_stand_one_a_line_behind_the_tail() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("prepared");
        let mut recorder = Recorder::create(&path).unwrap();
        let first = r#"{"recipients":[{"phone_number":"+331","first_name":"],\"text\":"},{"phone_number":"+332"}],"text":"Hi","request_id":"abc"}"#;
        let second = r#"{"recipients":[{"phone_number":"+333"}],"text":"Hi","request_id":"def"}"#;
        recorder.add(first.as_bytes()).unwrap();
        recorder.add(second.as_bytes()).unwrap();
        assert!(recorder.add(b"{}").is_err());
        recorder.finish().unwrap();
        assert_eq!(
            std::fs::read_to_string(path).unwrap(),
            "],\"text\":\"Hi\",\"request_id\":\"\n{\"phone_number\":\"+331\",\"first_name\":\"],\\\"text\\\":\"}\n\
             {\"phone_number\":\"+332\"}\n{\"phone_number\":\"+333\"}\n"
        );
    }
}
