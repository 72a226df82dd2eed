//! The command line as somebody meets it: the real program, its output and its exit codes.

#![allow(clippy::unwrap_used, reason = "a test's helpers may fail the test")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_foldline");

/// The program without any setting of whoever runs the tests.
fn program(args: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FOLDLINE_") {
            command.env_remove(name);
        }
    }
    command.args(args);
    command
}

/// What a call ended with.
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

fn ended(mut command: Command) -> Ended {
    let output = command.output().unwrap();
    Ended {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn call(args: &[&str]) -> Ended {
    ended(program(args))
}

/// A domain that `foldline new` wrote, and a data folder.
struct Place {
    root: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        let place = Place { root: tempfile::tempdir().unwrap() };
        let made = call(&["new", "gift-card", "--schemas", &place.schemas()]);
        assert_eq!(made.code, Some(0), "{}", made.err);
        place
    }

    fn schemas(&self) -> String {
        self.root.path().join("schemas").display().to_string()
    }

    fn data(&self) -> String {
        self.root.path().join("data").display().to_string()
    }

    fn file(&self, name: &str) -> PathBuf {
        Path::new(&self.schemas()).join("gift-cards").join(name)
    }

    fn edit(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.file(name)).unwrap();
        assert!(text.contains(from), "{name} has no {from}");
        fs::write(self.file(name), text.replace(from, to)).unwrap();
    }

    fn run_args(&self) -> Vec<String> {
        let (schemas, data) = (self.schemas(), self.data());
        let args = ["run", "--schemas", &schemas, "--data", &data];
        let ports = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"];
        args.iter().chain(&ports).map(|arg| (*arg).to_owned()).collect()
    }

    /// `foldline run`, expected to end by itself.
    fn refused(&self, more: &[&str]) -> Ended {
        let mut args = self.run_args();
        args.extend(more.iter().map(|arg| (*arg).to_owned()));
        // A flag may be given once, so the ones of `run_args` give way.
        for flag in more.iter().filter(|arg| arg.starts_with("--")) {
            if let Some(at) = args.iter().position(|arg| arg == flag)
                && args.iter().filter(|arg| arg == flag).count() > 1
            {
                args.drain(at..at + 2);
            }
        }
        call(&args.iter().map(String::as_str).collect::<Vec<_>>())
    }
}

/// A `foldline run` that serves; ended when dropped.
struct Running {
    child: Child,
    address: SocketAddr,
    announced: String,
    errors: PathBuf,
}

impl Running {
    fn start(place: &Place) -> Running {
        let errors = place.root.path().join("stderr");
        let mut child = program(&[])
            .args(place.run_args())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(&errors).unwrap())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut announced = String::new();
        // The last of the lines to try asks for the events.
        for line in lines.by_ref().map_while(Result::ok) {
            announced.push_str(&line);
            announced.push('\n');
            if line.ends_with("/events") {
                break;
            }
        }
        let address = announced.split("http://").nth(1).and_then(|rest| rest.split(' ').next());
        let address = address.and_then(|text| text.parse().ok());
        let Some(address) = address else {
            panic!("it did not start: {announced}{}", fs::read_to_string(&errors).unwrap());
        };
        Running { child, address, announced, errors }
    }

    /// The answer to a request, headers and all.
    fn ask(&self, method: &str, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Asks it to stop as a service manager does, and gives its exit code and standard error.
    #[cfg(unix)]
    fn stop(mut self) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let code = self.child.wait().unwrap().code();
        (code, fs::read_to_string(&self.errors).unwrap())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only where it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A domain with a card in its data.
fn with_a_card() -> Place {
    let place = Place::new();
    let running = Running::start(&place);
    let answer = running.ask("POST", "/gift-cards/create", r#"{"title":"First"}"#);
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    place
}

#[test]
fn a_new_domain_is_checked_tested_and_served() {
    let place = Place::new();
    let schemas = place.schemas();
    let checked = call(&["check", &schemas]);
    assert_eq!(checked.code, Some(0));
    assert!(checked.out.contains("POST /gift-cards/create"), "{}", checked.out);
    let tested = call(&["test", &schemas]);
    assert_eq!(tested.code, Some(0));
    assert!(tested.out.contains("3 passed, 0 failed"), "{}", tested.out);
    let running = Running::start(&place);
    assert_eq!(running.announced.matches("  curl ").count(), 3, "{}", running.announced);
    assert!(
        running.ask("GET", "/views/all-gift-cards", "").contains(r#"{"items":[],"next":null}"#)
    );
}

#[test]
fn new_leaves_alone_what_is_there_and_refuses_names_that_are_none() {
    let place = Place::new();
    let again = call(&["new", "gift-card", "--schemas", &place.schemas()]);
    assert_eq!(again.code, Some(2));
    assert!(again.err.contains("exists already"), "{}", again.err);
    let shouted = call(&["new", "GiftCard", "--schemas", &place.schemas()]);
    assert_eq!(shouted.code, Some(2));
    assert!(shouted.err.contains("kebab-case"), "{}", shouted.err);
}

#[test]
fn check_names_every_mistake_with_its_place_and_what_would_be_right() {
    let place = Place::new();
    place.edit("model.yaml", "input.title != state.title", "input.title != state.titel");
    place.edit("model.yaml", "sort: [-created_at]", "sort: [-created]");
    let checked = call(&["check", &place.schemas()]);
    assert_eq!(checked.code, Some(2));
    let place_of_first = "gift-cards/model.yaml:26:";
    for wanted in [place_of_first, "`titel`", "did you mean `title`?", "`created`", "2 errors"] {
        assert!(checked.err.contains(wanted), "no {wanted} in {}", checked.err);
    }
    let as_json = call(&["check", "--json", &place.schemas()]);
    assert_eq!(as_json.code, Some(2));
    let errors: serde_json::Value = serde_json::from_str(&as_json.out).unwrap();
    assert_eq!(errors["errors"].as_array().map(Vec::len), Some(2));
    assert_eq!(errors["errors"][0]["line"], 26);
}

#[test]
fn a_test_that_fails_shows_the_difference_and_answers_no() {
    let place = Place::new();
    place.edit("tests/gift-cards.yaml", "[{ title: First,", "[{ title: Frist,");
    let tested = call(&["test", &place.schemas()]);
    assert_eq!(tested.code, Some(1));
    assert!(tested.out.contains(r#"expected "Frist", got "First""#), "{}", tested.out);
    assert!(tested.out.contains("2 passed, 1 failed"), "{}", tested.out);
}

#[test]
fn a_folder_that_is_missing_is_bad_input() {
    for name in ["check", "test", "openapi"] {
        let ended = call(&[name, "/no/such/folder"]);
        assert_eq!(ended.code, Some(2), "{name}");
        assert!(ended.err.contains("there is no such folder"), "{name}: {}", ended.err);
    }
    let run = call(&["run", "--schemas", "/no/such/folder"]);
    assert_eq!(run.code, Some(2));
}

#[test]
fn a_flag_that_is_none_is_bad_input() {
    for args in [&["run", "--bogus"][..], &["bogus"], &[], &["run", "--max-body", "12 parsecs"]] {
        assert_eq!(call(args).code, Some(2), "{args:?}");
    }
}

#[test]
fn listening_beyond_this_machine_is_refused_unless_insecure() {
    let place = Place::new();
    for flag in ["--listen", "--admin"] {
        let refused = place.refused(&[flag, "0.0.0.0:0"]);
        assert_eq!(refused.code, Some(2), "{flag}: {}", refused.err);
        assert!(refused.err.contains("--insecure"), "{}", refused.err);
    }
}

#[cfg(not(all(feature = "kafka", feature = "cql")))]
#[test]
fn a_part_that_is_not_built_in_is_named() {
    let place = Place::new();
    let kafka = place.refused(&["--kafka", "broker:9092"]);
    assert_eq!(kafka.code, Some(2));
    assert!(kafka.err.contains("without Kafka"), "{}", kafka.err);
    let cql = place.refused(&["--cql", "node:9042"]);
    assert_eq!(cql.code, Some(2));
    assert!(cql.err.contains("without CQL"), "{}", cql.err);
}

#[cfg(all(feature = "kafka", feature = "cql"))]
#[test]
fn parts_out_of_reach_are_named_with_the_reason_and_the_setting() {
    let free = || TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (place, kafka, cql) = (Place::new(), free(), free());
    for name in ["verify", "status", "tail"] {
        let given = ["--kafka", &kafka, "--cql", &cql, "--dev"];
        let ended = call(&[&[name, "--schemas", &place.schemas()], &given[..]].concat());
        assert_eq!(ended.code, Some(3), "{name}: {}", ended.err);
        let why = format!("Kafka can't be reached: {kafka} refuses connections");
        assert!(ended.err.contains(&why), "{name}: {}", ended.err);
        assert!(ended.err.contains("--kafka (FOLDLINE_KAFKA_BROKERS)"), "{name}: {}", ended.err);
    }
}

#[test]
fn a_port_in_use_is_named_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let place = Place::new();
    for flag in ["--listen", "--admin"] {
        let refused = place.refused(&[flag, &address]);
        assert_eq!(refused.code, Some(3), "{flag}: {}", refused.err);
        assert!(refused.err.contains(&address), "{}", refused.err);
        assert_eq!(refused.err.matches("Address already in use").count(), 1, "{}", refused.err);
    }
}

#[test]
fn a_data_folder_that_is_served_already_is_refused() {
    let place = Place::new();
    let _running = Running::start(&place);
    let second = place.refused(&[]);
    assert_eq!(second.code, Some(3));
    assert!(second.err.contains("another process"), "{}", second.err);
}

#[test]
fn calls_that_read_a_system_say_that_there_is_none() {
    let place = Place::new();
    for name in ["verify", "status", "tail"] {
        let ended = call(&[name, "--schemas", &place.schemas(), "--data", &place.data()]);
        assert_eq!(ended.code, Some(3), "{name}");
        assert!(ended.err.contains("foldline run"), "{name}: {}", ended.err);
        assert!(!Path::new(&place.data()).exists(), "{name} made a data folder");
    }
}

#[test]
fn a_running_system_is_verified_measured_and_followed_from_beside() {
    let place = Place::new();
    let running = Running::start(&place);
    let answer = running.ask("POST", "/gift-cards/create", r#"{"title":"First"}"#);
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let beside = |name: &str| call(&[name, "--schemas", &place.schemas(), "--data", &place.data()]);
    let verified = beside("verify");
    assert_eq!(verified.code, Some(0), "{}{}", verified.out, verified.err);
    assert!(verified.out.contains("0 differences"), "{}", verified.out);
    let status = beside("status");
    assert_eq!(status.code, Some(0));
    assert!(status.out.contains("nothing is parked"), "{}", status.out);
    let tailed = beside("tail");
    assert_eq!(tailed.code, Some(0));
    let event: serde_json::Value = serde_json::from_str(tailed.out.trim()).unwrap();
    assert_eq!(event["type"], "GiftCardCreated");
    let other = Place::new();
    drop(Running::start(&other));
    let foreign = event["position"].as_str().unwrap();
    let args = ["tail", "--schemas", &other.schemas(), "--data", &other.data(), "--after", foreign];
    assert_eq!(call(&args).code, Some(2), "a position of another log");
}

#[test]
fn an_event_that_is_stored_can_not_be_removed() {
    let place = with_a_card();
    place.edit("model.yaml", "  GiftCardRemoved: { delete: true }\n", "");
    place.edit(
        "model.yaml",
        "    emit:\n      - event: GiftCardRemoved\n",
        "    emit:\n      - event: GiftCardRenamed\n        with: { title: \"''\" }\n",
    );
    fs::remove_dir_all(place.file("events/GiftCardRemoved")).unwrap();
    assert_eq!(call(&["check", &place.schemas()]).code, Some(0), "it is right by itself");
    let refused = place.refused(&[]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("restore events/GiftCardRemoved"), "{}", refused.err);
}

#[test]
fn a_version_that_is_stored_can_not_be_removed() {
    let place = Place::new();
    let first = fs::read_to_string(place.file("events/GiftCardRenamed/1.avsc")).unwrap();
    let second = first.replace(
        "\n  ]",
        ",\n    { \"name\": \"why\", \"type\": \"string\", \"default\": \"\" }\n  ]",
    );
    fs::write(place.file("events/GiftCardRenamed/2.avsc"), second).unwrap();
    drop(Running::start(&place));
    fs::remove_file(place.file("events/GiftCardRenamed/2.avsc")).unwrap();
    let refused = place.refused(&[]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("restore events/GiftCardRenamed/2.avsc"), "{}", refused.err);
}

#[test]
fn the_kind_of_ids_can_not_change_under_data() {
    let place = with_a_card();
    place.edit("model.yaml", "id: uuid", "id: text");
    place.edit("tests/gift-cards.yaml", "- name", "- id: a\n  name");
    let refused = place.refused(&[]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("change it back"), "{}", refused.err);
}

#[test]
#[cfg(unix)]
fn a_changed_view_is_filled_anew_before_it_is_served() {
    let place = with_a_card();
    place.edit(
        "model.yaml",
        "fields: { title: state.title, created",
        "fields: { name: state.title, created",
    );
    place.edit("tests/gift-cards.yaml", "[{ title: First, created", "[{ name: First, created");
    let running = Running::start(&place);
    let page = running.ask("GET", "/views/all-gift-cards", "");
    assert!(page.contains(r#""name":"First""#), "{page}");
    let (code, errors) = running.stop();
    assert_eq!(code, Some(0));
    assert!(errors.contains("filling new and changed read models: "), "{errors}");
}

#[test]
fn help_of_every_call_shows_settings_with_variable_and_default() {
    for name in ["run", "check", "test", "new", "openapi", "verify", "status", "tail", "bench"] {
        let help = call(&[name, "--help"]);
        assert_eq!(help.code, Some(0), "{name}");
        assert!(help.out.contains("FOLDLINE_SCHEMAS"), "{name}");
        assert!(help.out.contains("[default: schemas]"), "{name}");
    }
    assert_eq!(call(&["--help"]).code, Some(0));
    assert_eq!(call(&["--version"]).out.trim(), concat!("foldline ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_variable_is_a_setting_and_a_flag_beats_it() {
    let place = Place::new();
    let mut command = program(&["check"]);
    command.env("FOLDLINE_SCHEMAS", place.schemas());
    assert_eq!(ended(command).code, Some(0));
    let mut command = program(&["check", "--schemas", &place.schemas()]);
    command.env("FOLDLINE_SCHEMAS", "/no/such/folder");
    assert_eq!(ended(command).code, Some(0));
}

#[test]
fn a_switch_that_is_neither_on_nor_off_is_bad_input() {
    let place = Place::new();
    for variable in ["FOLDLINE_DEV", "FOLDLINE_INSECURE"] {
        let mut command = program(&["run", "--schemas", &place.schemas()]);
        command.env(variable, "no");
        let ended = ended(command);
        assert_eq!(ended.code, Some(2), "{variable}: {}", ended.err);
        assert!(ended.err.contains("true or 1"), "{variable}: {}", ended.err);
    }
}

#[test]
fn no_color_means_no_escapes() {
    for args in [&["--help"][..], &["run", "--bogus"]] {
        let mut command = program(args);
        command.env("NO_COLOR", "1").env("CLICOLOR_FORCE", "0");
        let ended = ended(command);
        assert!(!ended.out.contains('\u{1b}') && !ended.err.contains('\u{1b}'), "{args:?}");
    }
}

#[test]
fn the_table_of_settings_in_the_guide_is_what_the_program_says() {
    let help = call(&["run", "--help"]).out;
    let table = settings(&help);
    assert!(table.len() > 10, "{table:?}");
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide.md");
    let guide = fs::read_to_string(guide).unwrap();
    let written: Vec<&str> = guide.lines().filter(|line| line.contains("`FOLDLINE_")).collect();
    let written: Vec<&str> = written.into_iter().filter(|line| line.starts_with("| `--")).collect();
    assert_eq!(written, table, "the table should be:\n{}", table.join("\n"));
}

/// The options of a long help as rows of a table: flag, variable, default, meaning.
fn settings(help: &str) -> Vec<String> {
    let mut rows = Vec::new();
    let lines: Vec<&str> = help.lines().map(str::trim).collect();
    let starts: Vec<usize> = (0..lines.len()).filter(|at| lines[*at].starts_with("--")).collect();
    for (index, start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(lines.len());
        let block = &lines[*start..end];
        let tagged = |tag: &str| {
            let found = block.iter().find_map(|line| line.strip_prefix(tag));
            found.map(|rest| rest.trim_end_matches([']', '=']).to_owned())
        };
        let Some(variable) = tagged("[env: ") else { continue };
        let default = tagged("[default: ").map(|text| format!("`{text}`")).unwrap_or_default();
        let (flag, meaning) = (block[0], block[1]);
        rows.push(format!("| `{flag}` | `{variable}` | {default} | {meaning} |"));
    }
    rows
}
