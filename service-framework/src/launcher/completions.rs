//! `completions`: a script with which a shell completes the command line.

use clap_complete::Shell;

use super::arguments::described_command;

/// The script for `shell` and a program of this name; `None` if the shell is not known.
pub(crate) fn script(shell: &str, program: &str) -> Option<String> {
    let shell: Shell = shell.parse().ok()?;
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut described_command(), program, &mut bytes);
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_that_help_offers_has_a_script() {
        for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
            let script = script(shell, "order_desk").unwrap();
            for word in ["order_desk", "describe", "addresses_path", "console_loglevel"] {
                assert!(script.contains(word), "{shell}: {word}");
            }
        }
    }
}
