//! What a program tells whoever runs it, beside its output: a JSON document in /metadata. Compiled once, at install
//! (deploy/runtimes.sh); a jailed cargo finds it ready.

use std::fmt::Write;
use std::{fs, io};

const FILE: &str = "/metadata/.quartermaster_metadata.json";

/// Stores a JSON document, as text.
pub fn set_metadata(json: &str) -> io::Result<()> {
    fs::write(FILE, json)
}

/// Stores an object of strings.
pub fn set_metadata_pairs(pairs: &[(&str, &str)]) -> io::Result<()> {
    let entries: Vec<String> = pairs.iter().map(|(key, value)| format!("{}:{}", quote(key), quote(value))).collect();
    set_metadata(&format!("{{{}}}", entries.join(",")))
}

/// The JSON text that was stored; None where there is nothing.
pub fn get_metadata() -> Option<String> {
    fs::read_to_string(FILE).ok()
}

/// A string as JSON has it (RFC 8259, section 7).
pub fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            letter if (letter as u32) < 0x20 => write!(quoted, "\\u{:04x}", letter as u32).unwrap(),
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}
