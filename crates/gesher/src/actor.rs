//! Who is at the keyboard: the name that stands beside a person's decision in the journal.

use std::fs;
use std::os::unix::fs::MetadataExt;

/// Characters of a name from the environment. The rest is cut off.
const NAME_CHARACTERS_MAX: usize = 64;

/// The user of the operating system that this process runs as; with `sudo`, also who asked for it. The user is the
/// system's own word, not one of the environment, which anybody can set.
pub fn current() -> String {
    let user = fs::metadata("/proc/self").ok().map(|own| user_of(own.uid(), &passwd()));
    let user = user.unwrap_or_else(|| environment("USER").unwrap_or_else(|| "unknown".to_owned()));
    match environment("SUDO_USER") {
        Some(asked_by) if asked_by != user => format!("{user} (sudo by {asked_by})"),
        _ => user,
    }
}

fn passwd() -> String {
    fs::read_to_string("/etc/passwd").unwrap_or_default()
}

/// The name of a user id; one that the file does not know is named by its number.
fn user_of(uid: u32, passwd: &str) -> String {
    let number = uid.to_string();
    let found = passwd.lines().find_map(|line| {
        let mut parts = line.split(':');
        let (name, _password, id) = (parts.next()?, parts.next()?, parts.next()?);
        (id == number && !name.is_empty()).then(|| name.to_owned())
    });
    found.unwrap_or_else(|| format!("uid {uid}"))
}

fn environment(name: &str) -> Option<String> {
    let value = std::env::var(name).ok()?;
    let clean: String =
        value.chars().filter(|letter| !letter.is_control()).take(NAME_CHARACTERS_MAX).collect();
    (!clean.trim().is_empty()).then(|| clean.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_named_as_the_system_knows_it() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\ndana:x:1000:1000:Dana:/home/dana:/bin/sh\nbroken\n";
        for (uid, want) in [(0, "root"), (1000, "dana"), (100, "uid 100")] {
            assert_eq!(user_of(uid, passwd), want);
        }
        assert!(!current().is_empty());
    }
}
