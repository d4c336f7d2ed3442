//! The vault from outside: what is sealed opens for its name and key alone, and the key file is guarded.

#![allow(clippy::unwrap_used, reason = "a test stops where it fails")]

use gesher_core::Secret;
use gesher_vault::{MasterKeySource, Vault, VaultError};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const CANARY: &str = "canary-7f3a-סוד";
const KEY: &str = "f8f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f1011121314151617";
const OTHER_KEY: &str = "00f9fafbfcfdfeff000102030405060708090a0b0c0d0e0f1011121314151617";

fn source(folder: &Path) -> MasterKeySource {
    MasterKeySource { file: folder.join("master.key"), ..MasterKeySource::default() }
}

fn vault_of(key: &str) -> Vault {
    let source = MasterKeySource { env: Some(Secret::from(key)), ..source(Path::new("/nonexistent")) };
    Vault::open(&source).unwrap()
}

fn is_sealed(result: Result<Secret, VaultError>) -> bool {
    matches!(result, Err(VaultError::Sealed { .. }))
}

#[test]
fn a_secret_opens_under_its_own_name() {
    let vault = vault_of(KEY);
    for secret in [CANARY, "", &"x".repeat(100_000)] {
        let sealed = vault.seal("officeguy.api_key", &Secret::from(secret)).unwrap();
        assert_eq!(vault.open_sealed("officeguy.api_key", &sealed).unwrap().expose(), secret);
    }
}

#[test]
fn a_row_moved_to_another_name_does_not_open() {
    let vault = vault_of(KEY);
    let sealed = vault.seal("vendor/dana/officeguy", &Secret::from(CANARY)).unwrap();
    for name in ["vendor/noa/officeguy", "vendor/dana/officegu", "", "secret vendor/dana/officeguy"] {
        assert!(is_sealed(vault.open_sealed(name, &sealed)), "{name}");
    }
}

#[test]
fn another_master_key_opens_nothing() {
    let sealed = vault_of(KEY).seal("a", &Secret::from(CANARY)).unwrap();
    assert!(is_sealed(vault_of(OTHER_KEY).open_sealed("a", &sealed)));
}

#[test]
fn each_altered_bit_and_each_missing_byte_is_found() {
    let vault = vault_of(KEY);
    let sealed = vault.seal("a", &Secret::from(CANARY)).unwrap();
    for at in 0..sealed.len() {
        for bit in 0..8 {
            let mut altered = sealed.clone();
            altered[at] ^= 1 << bit;
            assert!(vault.open_sealed("a", &altered).is_err(), "byte {at} bit {bit}");
        }
        assert!(is_sealed(vault.open_sealed("a", &sealed[..at])), "cut at {at}");
    }
    let longer = [sealed.as_slice(), b"x"].concat();
    assert!(is_sealed(vault.open_sealed("a", &longer)));
}

#[test]
fn the_boxes_of_two_secrets_cannot_be_mixed() {
    let vault = vault_of(KEY);
    let first = vault.seal("a", &Secret::from("first")).unwrap();
    let second = vault.seal("a", &Secret::from("second")).unwrap();
    // The form byte and the wrapped key of one, the encrypted secret of the other.
    let mixed = [&first[..61], &second[61..]].concat();
    assert!(is_sealed(vault.open_sealed("a", &mixed)));
}

#[test]
fn a_form_of_the_future_is_named() {
    let error = vault_of(KEY).open_sealed("a", &[9, 1, 2, 3]).unwrap_err();
    assert!(matches!(error, VaultError::Form { found: 9, .. }), "{error}");
}

#[test]
fn the_same_secret_is_sealed_differently_each_time() {
    let vault = vault_of(KEY);
    let seal = || vault.seal("a", &Secret::from(CANARY)).unwrap();
    let (first, second) = (seal(), seal());
    assert!(first[1..].windows(8).all(|part| !second[1..].windows(8).any(|other| other == part)));
}

#[test]
fn neither_sealed_bytes_nor_debug_nor_errors_show_a_secret_or_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let source = MasterKeySource { env: Some(Secret::from(KEY)), ..source(folder.path()) };
    let vault = Vault::open(&source).unwrap();
    let sealed = vault.seal("a", &Secret::from(CANARY)).unwrap();
    assert!(!sealed.windows(6).any(|part| CANARY.as_bytes().windows(6).any(|secret| secret == part)));
    let broken = MasterKeySource { env: Some(Secret::from(CANARY)), ..source.clone() };
    let shown = format!(
        "{vault:?} {source:?} {:?} {}",
        Vault::open(&broken).unwrap_err(),
        vault_of(OTHER_KEY).open_sealed("a", &sealed).unwrap_err()
    );
    for hidden in [CANARY, "canary", KEY, &KEY[..8]] {
        assert!(!shown.contains(hidden), "{shown}");
    }
}

#[test]
fn the_first_use_makes_a_key_file_that_only_its_owner_reads_and_the_next_finds_it() {
    let folder = tempfile::tempdir().unwrap();
    let source = source(folder.path());
    let sealed = Vault::open(&source).unwrap().seal("a", &Secret::from(CANARY)).unwrap();
    assert_eq!(std::fs::metadata(&source.file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
    assert_eq!(Vault::open(&source).unwrap().open_sealed("a", &sealed).unwrap().expose(), CANARY);
}

#[test]
fn hubs_that_start_at_once_agree_on_one_key() {
    let folder = tempfile::tempdir().unwrap();
    let source = source(folder.path());
    let vaults: Vec<_> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..8).map(|_| scope.spawn(|| Vault::open(&source).unwrap())).collect();
        starts.into_iter().map(|start| start.join().unwrap()).collect()
    });
    let sealed = vaults[0].seal("a", &Secret::from(CANARY)).unwrap();
    for vault in &vaults {
        assert_eq!(vault.open_sealed("a", &sealed).unwrap().expose(), CANARY);
    }
}

#[test]
fn a_key_file_that_others_may_read_is_refused_with_the_way_to_mend_it() {
    let folder = tempfile::tempdir().unwrap();
    let source = source(folder.path());
    Vault::open(&source).unwrap();
    for mode in [0o640, 0o604, 0o620, 0o666] {
        std::fs::set_permissions(&source.file, std::fs::Permissions::from_mode(mode)).unwrap();
        let error = Vault::open(&source).unwrap_err();
        assert!(matches!(error, VaultError::Exposed { .. }), "{mode:o}: {error}");
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
    std::fs::set_permissions(&source.file, std::fs::Permissions::from_mode(0o400)).unwrap();
    Vault::open(&source).unwrap();
}

#[test]
fn a_key_file_of_another_length_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let source = source(folder.path());
    Vault::open(&source).unwrap();
    for content in ["", "f8f9", &KEY.repeat(2), "not a key", &"a".repeat(1000)] {
        std::fs::write(&source.file, content).unwrap();
        let error = Vault::open(&source).unwrap_err();
        assert!(matches!(error, VaultError::FileKey { .. }), "{content}: {error}");
        assert_eq!(std::fs::read_to_string(&source.file).unwrap(), content);
    }
}

#[test]
fn the_environment_comes_first_then_the_credential_then_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let credentials = tempfile::tempdir().unwrap();
    let file_only =
        MasterKeySource { credentials_dir: Some(credentials.path().to_owned()), ..source(folder.path()) };
    let of_file = Vault::open(&file_only).unwrap().seal("a", &Secret::from("file")).unwrap();

    std::fs::write(credentials.path().join("gesher.master_key"), format!("{OTHER_KEY}\n")).unwrap();
    let with_credential = Vault::open(&file_only).unwrap();
    assert!(is_sealed(with_credential.open_sealed("a", &of_file)));
    let of_credential = vault_of(OTHER_KEY).seal("a", &Secret::from("credential")).unwrap();
    assert_eq!(with_credential.open_sealed("a", &of_credential).unwrap().expose(), "credential");

    let with_env = Vault::open(&MasterKeySource { env: Some(Secret::from(KEY)), ..file_only }).unwrap();
    let of_env = vault_of(KEY).seal("a", &Secret::from("env")).unwrap();
    assert_eq!(with_env.open_sealed("a", &of_env).unwrap().expose(), "env");
}

#[test]
fn an_environment_variable_without_a_key_never_falls_back_to_the_file() {
    let folder = tempfile::tempdir().unwrap();
    for text in ["", "  ", "short"] {
        let source = MasterKeySource { env: Some(Secret::from(text)), ..source(folder.path()) };
        assert!(matches!(Vault::open(&source).unwrap_err(), VaultError::EnvironmentKey), "{text}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Some sealed rows, by name.
fn rows(vault: &Vault) -> Vec<(String, Vec<u8>)> {
    let row = |name: &str| {
        (name.to_owned(), vault.seal(name, &Secret::from(format!("{CANARY} {name}").as_str())).unwrap())
    };
    ["a", "b", "vendor/dana/officeguy"].map(row).into()
}

#[track_caller]
fn all_open(vault: &Vault, rows: &[(String, Vec<u8>)]) {
    for (name, sealed) in rows {
        let opened = vault.open_sealed(name, sealed).unwrap();
        assert_eq!(opened.expose(), &format!("{CANARY} {name}"));
    }
}

/// Wraps rows anew, and counts those that were not yet.
fn reseal(rotation: &gesher_vault::Rotation, rows: &mut [(String, Vec<u8>)]) -> usize {
    let mut changed = 0;
    for (name, sealed) in rows {
        if let Some(anew) = rotation.reseal(name, sealed).unwrap() {
            *sealed = anew;
            changed += 1;
        }
    }
    changed
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_changed_key_opens_everything_and_the_one_before_opens_what_is_older() {
    let folder = tempfile::tempdir().unwrap();
    let source = source(folder.path());
    let vault = Vault::open(&source).unwrap();
    let beside = Vault::open(&source).unwrap();
    let old = rows(&vault);
    let mut rows = old.clone();
    let first_key = std::fs::read(&source.file).unwrap();
    let rotation = vault.rotate().unwrap();
    assert!(matches!(vault.rotate(), Err(VaultError::Changing)), "one at a time");
    assert_eq!(reseal(&rotation, &mut rows), rows.len());
    assert_eq!(reseal(&rotation, &mut rows), 0);
    // A process that knew only the old key sees the new one, before and after it is in its place.
    all_open(&beside, &rows);
    rotation.finish().unwrap();
    assert_ne!(std::fs::read(&source.file).unwrap(), first_key);
    assert_eq!(names(folder.path()), ["master.key", "master.key.previous"]);
    assert_eq!(std::fs::metadata(source.previous_file()).unwrap().permissions().mode() & 0o777, 0o600);
    for vault in [&vault, &beside, &Vault::open(&source).unwrap()] {
        all_open(vault, &rows);
        all_open(vault, &old);
    }
    let sealed = beside.seal("late", &Secret::from("x")).unwrap();
    std::fs::remove_file(source.previous_file()).unwrap();
    let alone = Vault::open(&source).unwrap();
    all_open(&alone, &rows);
    assert!(is_sealed(alone.open_sealed("a", &old[0].1)), "the old key is gone");
    assert_eq!(alone.open_sealed("late", &sealed).unwrap().expose(), "x", "the newest key seals");
}

#[test]
fn a_change_that_was_cut_off_anywhere_loses_nothing_and_is_gone_on_with() {
    // After how many rows it is cut off; behind the last comes the moment before the end.
    for cut in 0..=3 {
        let folder = tempfile::tempdir().unwrap();
        let source = source(folder.path());
        let mut rows = rows(&Vault::open(&source).unwrap());
        {
            let rotation = Vault::open(&source).unwrap().rotate().unwrap();
            reseal(&rotation, &mut rows[..cut]);
        }
        let again = Vault::open(&source).unwrap();
        all_open(&again, &rows);
        let late = again.seal("late", &Secret::from("x")).unwrap();
        let next = std::fs::read(folder.path().join("master.key.next")).unwrap();
        let rotation = again.rotate().unwrap();
        assert_eq!(reseal(&rotation, &mut rows), 3 - cut);
        assert_eq!(rotation.reseal("late", &late).unwrap(), None, "what came meanwhile has the next key");
        rotation.finish().unwrap();
        assert_eq!(std::fs::read(&source.file).unwrap(), next, "no third key is made");
        all_open(&Vault::open(&source).unwrap(), &rows);
        // Cut off between keeping the key before and putting the next in place.
        std::fs::rename(&source.file, folder.path().join("master.key.next")).unwrap();
        std::fs::hard_link(source.previous_file(), &source.file).unwrap();
        all_open(&Vault::open(&source).unwrap(), &rows);
        let rotation = Vault::open(&source).unwrap().rotate().unwrap();
        assert_eq!(reseal(&rotation, &mut rows), 0);
        rotation.finish().unwrap();
        assert_eq!(names(folder.path()), ["master.key", "master.key.previous"]);
        all_open(&Vault::open(&source).unwrap(), &rows);
    }
}

#[test]
fn a_lost_key_file_is_never_replaced_where_there_was_one() {
    let folder = tempfile::tempdir().unwrap();
    let source = source(folder.path());
    let vault = Vault::open(&source).unwrap();
    let rotation = vault.rotate().unwrap();
    rotation.finish().unwrap();
    let rows = rows(&vault);
    std::fs::remove_file(&source.file).unwrap();
    assert!(matches!(Vault::open(&source), Err(VaultError::Missing { .. })));
    assert!(matches!(vault.rotate(), Err(VaultError::Missing { .. })));
    // Whoever has it in memory still works with it, and makes none.
    all_open(&vault, &rows);
    vault.seal("a", &Secret::from("x")).unwrap();
    assert_eq!(names(folder.path()), ["master.key.previous"]);
}

#[test]
fn a_key_of_the_environment_or_of_systemd_is_changed_by_a_second_one_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let credentials = tempfile::tempdir().unwrap();
    let write = |name: &str, key: &str| std::fs::write(credentials.path().join(name), key).unwrap();
    let of_env = |env: Option<&str>, next: Option<&str>| MasterKeySource {
        env: env.map(Secret::from),
        env_next: next.map(Secret::from),
        ..source(folder.path())
    };
    let of_systemd =
        MasterKeySource { credentials_dir: Some(credentials.path().to_owned()), ..source(folder.path()) };
    write("gesher.master_key", KEY);
    let check = |before: &MasterKeySource,
                 both: &dyn Fn() -> MasterKeySource,
                 after: &dyn Fn() -> MasterKeySource| {
        let vault = Vault::open(before).unwrap();
        let mut rows = rows(&vault);
        assert!(matches!(vault.rotate(), Err(VaultError::NoNext { .. })));
        let vault = Vault::open(&both()).unwrap();
        let rotation = vault.rotate().unwrap();
        assert_eq!(reseal(&rotation, &mut rows), 3);
        rotation.finish().unwrap();
        all_open(&vault, &rows);
        let sealed = vault.seal("late", &Secret::from("x")).unwrap();
        let vault = Vault::open(&after()).unwrap();
        all_open(&vault, &rows);
        assert_eq!(vault.open_sealed("late", &sealed).unwrap().expose(), "x");
    };
    check(&of_env(Some(KEY), None), &|| of_env(Some(KEY), Some(OTHER_KEY)), &|| {
        of_env(Some(OTHER_KEY), None)
    });
    let with_next = || {
        write("gesher.master_key.next", OTHER_KEY);
        of_systemd.clone()
    };
    let in_place = || {
        write("gesher.master_key", OTHER_KEY);
        std::fs::remove_file(credentials.path().join("gesher.master_key.next")).unwrap();
        of_systemd.clone()
    };
    check(&of_systemd, &with_next, &in_place);
    assert_eq!(names(folder.path()), Vec::<String>::new(), "no file is made");
}
