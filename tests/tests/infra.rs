//! The scripts that start the real parts say what is wrong and what would help.

use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use foldline_tests::repository;
use granit_parser::{Event, Parser};

fn parts(folder: &Path) -> Command {
    let mut command = Command::new(repository("infra/native/parts.sh"));
    command.arg("--dir").arg(folder);
    command
}

fn said(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!("{}{}", String::from_utf8_lossy(out), String::from_utf8_lossy(err))
}

/// The program itself, not a script in front of it.
fn python() -> Result<PathBuf> {
    let output =
        Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().into())
}

fn found(program: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").context("no PATH")?;
    let mut places = std::env::split_paths(&path).map(|folder| folder.join(program));
    places.find(|place| place.exists()).with_context(|| format!("no {program}"))
}

#[test]
fn a_taken_port_is_named_with_the_option_that_moves_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let port = taken.local_addr()?.port().to_string();
    let up = ["up", "--kafka", "1", "--cassandra", "0", "--kafka-port", &port];
    let output = parts(folder.path()).args(up).output()?;
    let said = said(&output);
    ensure!(output.status.code() == Some(3), "{said}");
    ensure!(said.contains(&format!("127.0.0.1:{port}")) && said.contains("--kafka-port"), "{said}");
    Ok(())
}

#[test]
fn a_machine_without_java_is_told_what_to_install() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let programs = folder.path().join("programs");
    std::fs::create_dir(&programs)?;
    symlink(python()?, programs.join("python3"))?;
    for program in ["bash", "dirname", "ps"] {
        symlink(found(program)?, programs.join(program))?;
    }
    let free = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port().to_string();
    let output = parts(&folder.path().join("parts"))
        .args(["up", "--cassandra", "0", "--kafka-port", &free])
        .env("PATH", &programs)
        .env_remove("JAVA_HOME")
        .output()?;
    let said = said(&output);
    ensure!(output.status.code() == Some(3) && said.contains("openjdk-17"), "{said}");
    Ok(())
}

#[test]
fn a_folder_that_runs_nothing_stops_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let output = parts(folder.path()).arg("down").output()?;
    ensure!(output.status.success() && said(&output).is_empty(), "{}", said(&output));
    Ok(())
}

#[test]
fn the_compose_file_is_yaml_and_has_every_service() -> Result<()> {
    let text = std::fs::read_to_string(repository("infra/compose.yaml"))?;
    let mut scalars = Vec::new();
    for event in Parser::new_from_str(&text) {
        if let (Event::Scalar(value, ..), _) =
            event.map_err(|error| anyhow::anyhow!("{error:?}"))?
        {
            scalars.push(value.into_owned());
        }
    }
    for named in ["kafka", "scylla", "command-api", "projector", "query-api"] {
        ensure!(scalars.iter().any(|scalar| scalar == named), "no {named}");
    }
    Ok(())
}
