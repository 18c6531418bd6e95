//! A campaign file in the making.

use std::path::PathBuf;

use super::{Kept, Provider, Sandbox};

/// Valid from the start, and fast.
pub(crate) struct Campaign<'a> {
    sandbox: &'a Sandbox,
    provider: Provider,
    table: toml::Table,
}

impl<'a> Campaign<'a> {
    /// Of this provider, at `http://…`.
    pub(super) fn new(sandbox: &'a Sandbox, provider: Provider, server: &str) -> Self {
        let campaign = Self {
            sandbox,
            provider,
            table: toml::Table::new(),
        };
        let campaign = provider
            .section(campaign)
            .set("campaign.name", "spring")
            .set("campaign.provider", provider.name())
            .set("limits.requests_per_second", 2000.0)
            .set("limits.settle", "0s")
            .at(server);
        match sandbox.kept() {
            Kept::File => campaign,
            // What a dead run left is asked about so much later, since its sender may be cut off from the ledger alone.
            Kept::Server => campaign.set("limits.request_timeout", "3s"),
        }
    }

    /// Sets the `base_url` to another server, `http://…`.
    pub(crate) fn at(self, server: &str) -> Self {
        let key = format!("{}.base_url", self.provider.name());
        let url = self.provider.base_url(server);
        self.set(&key, url)
    }

    /// Sets `section.key`.
    pub(crate) fn set(mut self, key: &str, value: impl Into<toml::Value>) -> Self {
        let (section, key) = key.split_once('.').expect("section.key");
        self.section(section).insert(key.to_owned(), value.into());
        self
    }

    /// Takes `section.key` out.
    pub(crate) fn unset(mut self, key: &str) -> Self {
        let (section, key) = key.split_once('.').expect("section.key");
        self.section(section).remove(key);
        self
    }

    fn section(&mut self, name: &str) -> &mut toml::Table {
        self.table
            .entry(name)
            .or_insert_with(|| toml::Table::new().into())
            .as_table_mut()
            .expect("a section")
    }

    /// Writes `campaign.toml`.
    pub(crate) fn write(self) -> PathBuf {
        self.write_as("campaign.toml")
    }

    /// Writes it under another name.
    pub(crate) fn write_as(self, name: &str) -> PathBuf {
        let text = toml::to_string(&self.table).expect("toml");
        self.sandbox.write(name, text)
    }
}
