//! `nexus all --demo`: on the first start a film is made and put through the real upload and transcode path; on every
//! start a synthetic encoder goes on air ([`channel`]).

mod channel;

use std::{process::ExitCode, time::Duration};

use anyhow::Result;
use base::{PageRequest, Role};
use catalogue::{AssetFilter, Catalogue};
use httpkit::tls::PairFiles;
use identity::{Caller, Identity, KeyWish, Scope, Scopes};
use settings::Settings;
use tracing::warn;

use crate::{
    film::{self, FilmArgs},
    upload::{self, UploadArgs},
};

pub use channel::DemoChannel;

/// How long the key of the demonstration's upload works, should nobody be there to revoke it.
const KEY_LIFETIME: Duration = Duration::from_secs(3600);

/// Keeps the access log off a terminal that shows progress, unless the log is set to something else.
pub fn quieten(telemetry: &mut settings::Telemetry) {
    if *telemetry == settings::Telemetry::default() {
        telemetry.log.push_str(",access=warn");
    }
}

/// What the demonstration works with.
pub struct Demo {
    /// Where the server is, and its data folder.
    pub settings: Settings,
    /// Makes the key of the upload.
    pub identity: Identity,
    /// Tells whether there is a film already.
    pub catalogue: Catalogue,
    /// Where the first owner is made.
    pub setup: Option<String>,
    /// What goes on air.
    pub channel: DemoChannel,
}

impl Demo {
    /// Welcomes whoever started the server, on an empty catalogue with a film to watch; then goes on air.
    pub async fn run(self) {
        if let Err(error) = self.show().await {
            warn!("the demonstration film could not be made: {error:#}");
        }
        println!();
        match &self.setup {
            Some(link) => println!("  set up   {link}"),
            None => println!("  open     {}", self.settings.public_url()),
        }
        println!("  stop     Ctrl-C");
        println!();
        self.channel.run().await;
    }

    async fn show(&self) -> Result<()> {
        let operator = Caller::operator(self.identity.home_tenant().await?);
        let one = PageRequest::new(Some(1), None);
        if !self.catalogue.assets(&operator.principal, &one, &AssetFilter::default()).await?.items.is_empty()
        {
            return Ok(());
        }
        let file = self.settings.data.join("demonstration.mp4");
        if !file.exists() {
            film::run(&FilmArgs::demonstration(file.clone()), &self.settings).await?;
        }
        let wish = KeyWish {
            name: "demonstration film".to_owned(),
            role: Role::Creator,
            scopes: Scopes::only([Scope::Upload, Scope::Read])?,
            lifetime: Some(KEY_LIFETIME),
        };
        let key = self.identity.create_key(&operator, wish).await?;
        let secret = key.secret.expose().to_owned();
        let ca = self.settings.tls.self_signed.then(|| PairFiles::own(&self.settings.data).cert);
        let server = self.settings.public_url();
        let code = upload::run(UploadArgs::demonstration(file, server, secret, ca)).await;
        self.identity.revoke_key(&operator, &key.id).await?;
        anyhow::ensure!(code? == ExitCode::SUCCESS, "the upload failed; the line above says why");
        Ok(())
    }
}
