//! `nexus user`: people, straight in the database.

use std::{io::BufRead, process::ExitCode};

use anyhow::{Context, Result, bail};
use base::{PageRequest, Role, Timestamp};
use clap::{Args, Subcommand};
use identity::{NewUser, PASSWORD_BYTES_MAX, User, UserChange};
use serde::Serialize;
use settings::Settings;

use crate::tenant::{Desk, each, show};

/// What to do with people.
#[derive(Subcommand, Debug)]
pub enum UserCommand {
    /// Add a person; their password is asked for twice.
    #[command(
        after_help = "Examples:\n  nexus user create ada@studio.example --role owner\n  pass show nexus | nexus user create ada --role creator --password-stdin --json"
    )]
    Create {
        /// What they sign in with: an e-mail address or a name without spaces.
        name: String,
        /// What they may do: viewer, creator, admin or owner.
        #[arg(long)]
        role: Role,
        /// Where the password comes from.
        #[command(flatten)]
        source: PasswordSource,
        /// Print one JSON line.
        #[arg(long)]
        json: bool,
    },
    /// Give a person another password; their sessions end.
    #[command(after_help = "Example:\n  nexus user passwd ada@studio.example")]
    Passwd {
        /// What they sign in with.
        name: String,
        /// Where the password comes from.
        #[command(flatten)]
        source: PasswordSource,
    },
    /// List people.
    List {
        /// Print one JSON line a person.
        #[arg(long)]
        json: bool,
    },
    /// Keep a person from signing in; their sessions end.
    Disable {
        /// What they sign in with.
        name: String,
    },
    /// Let a person sign in again.
    Enable {
        /// What they sign in with.
        name: String,
    },
}

/// Where a password comes from: never from an argument, which others on the machine could read.
#[derive(Args, Debug)]
pub struct PasswordSource {
    /// Read it from the first line of the standard input instead of asking on the terminal.
    #[arg(long)]
    password_stdin: bool,
}

impl PasswordSource {
    fn read(&self) -> Result<String> {
        if self.password_stdin {
            return first_line(std::io::stdin().lock());
        }
        let ask = |prompt: &str| {
            rpassword::prompt_password(prompt)
                .context("no terminal to ask for the password; use --password-stdin")
        };
        let password = ask("Password: ")?;
        if ask("Again: ")? != password {
            bail!("the two passwords differ");
        }
        Ok(password)
    }
}

/// The first line of a text, without its end; more than any password is not read.
fn first_line(input: impl BufRead) -> Result<String> {
    let mut line = String::new();
    let bytes_max = PASSWORD_BYTES_MAX as u64 + 2;
    input.take(bytes_max).read_line(&mut line).context("reading the password")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

#[derive(Serialize)]
struct Listed<'a> {
    id: &'a str,
    name: &'a str,
    role: Role,
    created_ms: i64,
    last_sign_in_ms: Option<i64>,
    disabled: bool,
}

/// Runs one user command on the database of `settings`.
///
/// # Errors
/// When the database cannot be opened, there is no such tenant or person, or the change is refused.
pub async fn run(action: UserCommand, tenant: Option<&str>, settings: &Settings) -> Result<ExitCode> {
    let desk = Desk::open(tenant, settings).await?;
    match action {
        UserCommand::Create { name, role, source, json } => {
            let password = source.read()?;
            let user = desk.identity.create_user(&desk.operator, NewUser { name, role, password }).await?;
            print(&user, json)?;
        }
        UserCommand::Passwd { name, source } => {
            let user = desk.identity.user_named(desk.tenant(), &name).await?;
            desk.identity.reset_password(&desk.operator, &user.id, source.read()?).await?;
            eprintln!("{} has a new password and is signed out everywhere", user.name);
        }
        UserCommand::List { json } => list(&desk, json).await?,
        UserCommand::Disable { name } => set_disabled(&desk, &name, true).await?,
        UserCommand::Enable { name } => set_disabled(&desk, &name, false).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn set_disabled(desk: &Desk, name: &str, disabled: bool) -> Result<()> {
    let user = desk.identity.user_named(desk.tenant(), name).await?;
    let change = UserChange { disabled: Some(disabled), ..UserChange::default() };
    desk.identity.change_user(&desk.operator, &user.id, change).await?;
    eprintln!("{} {}", if disabled { "disabled" } else { "enabled" }, user.name);
    Ok(())
}

async fn list(desk: &Desk, json: bool) -> Result<()> {
    let pages = async |page: PageRequest| Ok(desk.identity.list_users(desk.tenant(), &page).await?);
    each(pages, |user| print(user, json)).await
}

fn print(user: &User, json: bool) -> Result<()> {
    let listed = Listed {
        id: user.id.as_str(),
        name: &user.name,
        role: user.role,
        created_ms: user.created.millis(),
        last_sign_in_ms: user.last_sign_in.map(Timestamp::millis),
        disabled: user.disabled.is_some(),
    };
    let state = if listed.disabled { "disabled" } else { "active" };
    show(&listed, json, &format!("{}  {:8}{state:9}{}", listed.id, listed.role.as_str(), listed.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_one_line() {
        assert_eq!(first_line(&b"correct horse\r\nmore"[..]).expect("a line"), "correct horse");
        assert_eq!(first_line(&b" spaces stay "[..]).expect("a line"), " spaces stay ");
        assert_eq!(first_line(&b""[..]).expect("none"), "");
        let endless = std::io::BufReader::new(std::io::repeat(b'x'));
        assert_eq!(first_line(endless).expect("cut off").len(), PASSWORD_BYTES_MAX + 2);
        assert!(first_line(&[0xff, 0xfe, b'\n'][..]).is_err(), "no text");
    }
}
