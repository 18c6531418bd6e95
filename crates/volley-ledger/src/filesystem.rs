//! Tells local file systems from network ones, on which neither locks nor syncs can be trusted.
//!
//! Sources: magic numbers from `statfs(2)` and Linux's `include/uapi/linux/magic.h`.

use std::fs;
use std::path::Path;

use crate::LedgerError;
use crate::place::Place;

/// File systems that live on another machine, or are shared with one.
const NETWORK: [(u32, &str); 12] = [
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x0102_1997, "9p"),
    (0x5346_414f, "AFS"),
    (0x00c3_6400, "Ceph"),
    (0x7375_7245, "Coda"),
    (0x0bd0_0bd0, "Lustre"),
    (0x0116_1970, "GFS2"),
    (0x7461_636f, "OCFS2"),
    (0x786f_4256, "VirtualBox shared folder"),
];
const FUSE: u32 = 0x6573_5546;
/// What is known to be local among the file systems in user space: a block device (`fuseblk`: NTFS, exFAT) and a
/// container's overlay. Of all others (sshfs, rclone, S3, virtiofs …) it cannot be said.
const LOCAL_FUSE: [&str; 2] = ["fuseblk", "fuse.fuse-overlayfs"];

/// Refuses a place on a network.
pub(crate) fn refuse_network(place: &Place) -> Result<(), LedgerError> {
    match network_kind(&place.folder)? {
        None => Ok(()),
        Some(kind) => Err(LedgerError::NetworkFileSystem {
            path: place.folder.clone(),
            kind,
        }),
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn network_kind(folder: &Path) -> Result<Option<String>, LedgerError> {
    let found = rustix::fs::statfs(folder)
        .map_err(|error| LedgerError::file(folder, "asking for the file system", error.into()))?;
    let mounts = || fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    // The kernel's type is wider than the magic numbers, and signed on some processors: its low 32 bits are the number.
    let magic = u32::try_from(i128::from(found.f_type) & 0xffff_ffff).unwrap_or_default();
    Ok(kind(magic, folder, mounts))
}

/// Elsewhere the kernel says whether a file system is local.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn network_kind(folder: &Path) -> Result<Option<String>, LedgerError> {
    /// `MNT_LOCAL` of `sys/mount.h`.
    const LOCAL: u32 = 0x1000;
    let found = rustix::fs::statfs(folder)
        .map_err(|error| LedgerError::file(folder, "asking for the file system", error.into()))?;
    Ok((found.f_flags & LOCAL == 0).then(|| "not local".to_owned()))
}

/// The name of the network file system with that magic number, if it is one.
fn kind(magic: u32, folder: &Path, mounts: impl FnOnce() -> String) -> Option<String> {
    if magic != FUSE {
        return NETWORK
            .iter()
            .find(|(known, _)| *known == magic)
            .map(|(_, name)| (*name).to_owned());
    }
    let name = mounted_type(&mounts(), folder).unwrap_or_else(|| "fuse".to_owned());
    (!LOCAL_FUSE.contains(&name.as_str())).then_some(name)
}

/// The type of the file system that a folder lies on, by the longest mount point above it (`proc_pid_mountinfo(5)`).
fn mounted_type(mounts: &str, folder: &Path) -> Option<String> {
    let mounted = mounts.lines().filter_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let point = before.split(' ').nth(4)?.replace("\\040", " ");
        folder
            .starts_with(&point)
            .then_some((point.len(), after.split(' ').next()?))
    });
    // The last of equals: it was mounted over the others.
    mounted
        .max_by_key(|(length, _)| *length)
        .map(|(_, name)| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(magic: u32, folder: &str, expected: Option<&str>) {
        let mounts = "22 1 254:0 / / rw shared:1 - ext4 /dev/vda rw\n\
            40 22 0:40 / /mnt/far\\040away rw - fuse.sshfs host:/ rw\n\
            41 22 8:1 / /mnt/stick rw - fuseblk /dev/sdb1 rw\n";
        assert_eq!(
            kind(magic, Path::new(folder), || mounts.to_owned()).as_deref(),
            expected,
            "{magic:x} {folder}"
        );
    }

    #[test]
    fn network_file_systems_are_told_from_local_ones() {
        check(0xef53, "/home", None); // ext4
        check(0x0102_1994, "/tmp", None); // tmpfs
        check(0x6969, "/home", Some("NFS"));
        check(0xff53_4d42, "/home", Some("CIFS"));
        check(FUSE, "/mnt/far away/ledgers", Some("fuse.sshfs"));
        check(FUSE, "/mnt/stick", None);
    }
}
