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
    MasterKeySource { env: None, credentials_dir: None, file: folder.join("master.key") }
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
