//! `completions`: a script with which a shell completes the command line.

use clap_complete::Shell;

use super::arguments::{RUN, described_command};

/// The script for `shell` and a program of this name; `None` if the shell is not known.
pub(crate) fn script(shell: &str, program: &str) -> Option<String> {
    let shell: Shell = shell.parse().ok()?;
    let mut bytes = Vec::new();
    clap_complete::generate(shell, &mut described_command(), program, &mut bytes);
    let script = String::from_utf8(bytes).ok()?;
    Some(RUN.flags.iter().fold(script, |script, flag| match flag.short {
        Some(short) if short.len() == 2 => with_two_letters(&script, shell, short, flag.name),
        _ => script,
    }))
}

/// The flag `--name` also as `-short`: the generator knows flags of one letter only, the shells all.
fn with_two_letters(script: &str, shell: Shell, short: &str, name: &str) -> String {
    let (dashed, long) = (format!("-{short}"), format!("--{name}"));
    let line = |line: &str| {
        let also = match shell {
            Shell::Bash if line.contains("opts=\"") => {
                return line.replace(&format!(" {long} "), &format!(" {dashed} {long} "));
            }
            Shell::Bash => return line.replace(&format!("{long})"), &format!("{long}|{dashed})")),
            Shell::Fish => return line.replace(&format!(" -l {name} "), &format!(" -l {name} -o {short} ")),
            Shell::Zsh if line.starts_with(&format!("'{long}=")) => {
                line.replacen(&format!("{long}="), &dashed, 1)
            }
            Shell::Elvish | Shell::PowerShell if line.contains(&long) => line.replace(&long, &dashed),
            _ => return line.to_owned(),
        };
        also + line
    };
    script.split_inclusive('\n').map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shell_that_help_offers_has_a_script() {
        for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
            let script = script(shell, "order_desk").unwrap();
            let dash = if shell == "fish" { "-o " } else { "-" };
            let short = ["cl", "bc", "wt"].map(|short| format!("{dash}{short}"));
            let long = ["order_desk", "describe", "addresses_path", "console_loglevel"].map(str::to_owned);
            for word in long.iter().chain(&short) {
                assert!(script.contains(word.as_str()), "{shell}: {word}");
            }
        }
    }

    #[test]
    fn the_parts_of_a_new_service_are_completed() {
        // The scripts of the other two shells complete no values.
        for shell in ["bash", "fish", "zsh"] {
            let script = script(shell, "service_framework").unwrap();
            assert!(script.contains("replyer") && script.contains("replica"), "{shell}");
        }
    }

    #[test]
    fn the_commands_of_flows_are_completed_with_their_flags() {
        for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
            let script = script(shell, "service_framework").unwrap();
            for word in ["schedule", "memory_limit", "allow_host"] {
                assert!(script.contains(word), "{shell}: {word}");
            }
        }
    }

    #[test]
    fn a_shell_completes_flags_of_two_letters() {
        let Ok(found) = std::process::Command::new("bash")
            .args([
                "-c",
                "source <(cat); COMP_WORDS=(desk -c); COMP_CWORD=1; _desk desk -c desk; echo ${COMPREPLY[@]}",
            ])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
        else {
            return;
        };
        let script = script("bash", "desk").unwrap();
        let mut stdin = found.stdin.as_ref().unwrap();
        std::io::Write::write_all(&mut stdin, script.as_bytes()).unwrap();
        let output = found.wait_with_output();
        assert_eq!(String::from_utf8(output.unwrap().stdout).unwrap(), "-c -cl\n");
    }
}
