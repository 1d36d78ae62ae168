use chat_protocol::names::Alias;

use super::*;

fn alias(name: &str) -> Alias {
    Alias::new(name).expect(name)
}

fn password(words: &str) -> Password {
    Password::new(words)
}

const ID: AuthorId = AuthorId([1; 16]);
const OTHER: AuthorId = AuthorId([2; 16]);
const NOW: Time = Time::from_millis(1_000);

#[test]
fn what_may_be_a_password() {
    let check = |words: &str| check_password(&password(words), &alias("alexander"));
    check("correct horse").expect("words with a blank between them");
    check("пароль-1").expect("eight characters");
    assert_eq!(check("seven77"), Err(BadPassword::Short(7)));
    assert_eq!(check(&"x".repeat(129)), Err(BadPassword::Long(129)));
    assert_eq!(check(" a blank before"), Err(BadPassword::Untypable));
    assert_eq!(check("a\u{7}bell in it"), Err(BadPassword::Untypable));
    assert_eq!(check("ALEXANDER"), Err(BadPassword::Alias));
}

#[test]
fn an_account_is_its_owners_and_so_is_all_that_looks_like_it() {
    let accounts = Accounts::default();
    assert_eq!(accounts.owner(&alias("bob")), None);
    let bob = accounts.register(ID, &alias("Bob"), &password("correct horse"), NOW).expect("an account");
    assert_eq!(accounts.account(ID), Some(bob.clone()));
    for (name, exactly) in [("bob", true), ("BOB", true), ("b0b", false), ("ЬоЬ", false)] {
        let owner = accounts.owner(&alias(name)).expect(name);
        assert_eq!((owner.id, owner.is_called(&alias(name))), (ID, exactly), "{name}");
    }
    assert_eq!(accounts.owner(&alias("bobby")), None);
    let again = accounts.register(OTHER, &alias("b0b"), &password("correct horse"), NOW);
    assert_eq!(again, Err(AccountError::Taken(alias("b0b"))));
}

#[test]
fn only_the_password_of_exactly_this_alias_will_do() {
    let accounts = Accounts::default();
    accounts.register(ID, &alias("bob"), &password("correct horse"), NOW).expect("an account");
    assert_eq!(accounts.verify(&alias("BOB"), &password("correct horse")).map(|account| account.id), Ok(ID));
    for (name, words) in [("bob", "correct horsf"), ("b0b", "correct horse"), ("eve", "correct horse")] {
        let refused = accounts.verify(&alias(name), &password(words));
        assert_eq!(refused, Err(AccountError::WrongPassword), "{name}");
    }
}

#[test]
fn an_alias_without_an_account_costs_as_much_as_a_wrong_password() {
    let accounts = Accounts::default();
    accounts.register(ID, &alias("bob"), &password("correct horse"), NOW).expect("an account");
    for (name, words) in [("bob", "correct horse"), ("bob", "wrong horse"), ("b0b", "correct horse"), ("eve", "any")] {
        let before = hash::HASHES.get();
        let _ = accounts.verify(&alias(name), &password(words));
        assert_eq!(hash::HASHES.get() - before, 1, "{name}, {words}");
    }
}

#[test]
fn a_new_password_replaces_the_old_one_and_dates_the_sessions() {
    let accounts = Accounts::default();
    accounts.register(ID, &alias("bob"), &password("correct horse"), NOW).expect("an account");
    let later = Time::from_millis(5_000);
    let changed = accounts.change_password(ID, &password("battery staple"), later).expect("changed");
    assert_eq!(changed.sessions_from, later);
    accounts.verify(&alias("bob"), &password("correct horse")).expect_err("the old one");
    accounts.verify(&alias("bob"), &password("battery staple")).expect("the new one");
    assert_eq!(accounts.change_password(OTHER, &password("battery staple"), later), Err(AccountError::Unknown));
}

#[test]
fn an_alias_that_was_given_up_is_anybodys() {
    let accounts = Accounts::default();
    accounts.register(ID, &alias("bob"), &password("correct horse"), NOW).expect("an account");
    accounts.unregister(ID).expect("given up");
    assert_eq!((accounts.owner(&alias("b0b")), accounts.account(ID)), (None, None));
    accounts.verify(&alias("bob"), &password("correct horse")).expect_err("no account");
    accounts.register(OTHER, &alias("b0b"), &password("correct horse"), NOW).expect("anybody's");
    assert_eq!(accounts.unregister(ID), Err(AccountError::Unknown));
}

/// What another process may do to the accounts of this one.
#[derive(Clone, Default)]
struct Shared(std::sync::Arc<std::sync::Mutex<(Vec<KeptAccount>, bool, bool)>>);

impl Keeper for Shared {
    fn is_stale(&mut self) -> Result<bool, String> {
        Ok(std::mem::take(&mut self.0.lock().expect("a lock").1))
    }

    fn load(&mut self) -> Result<Vec<KeptAccount>, String> {
        Ok(self.0.lock().expect("a lock").0.clone())
    }

    fn save(&mut self, account: &KeptAccount) -> Result<(), String> {
        let mut shared = self.0.lock().expect("a lock");
        if shared.2 {
            return Err("the disk is full".to_owned());
        }
        shared.0.retain(|kept| kept.account.id != account.account.id);
        shared.0.push(account.clone());
        Ok(())
    }

    fn delete(&mut self, id: AuthorId) -> Result<(), String> {
        self.0.lock().expect("a lock").0.retain(|kept| kept.account.id != id);
        Ok(())
    }
}

#[test]
fn what_another_process_changed_is_taken_over() {
    let shared = Shared::default();
    let (here, there) =
        (Accounts::open(shared.clone()).expect("opened"), Accounts::open(shared.clone()).expect("opened"));
    there.register(ID, &alias("bob"), &password("correct horse"), NOW).expect("an account");
    there.register(OTHER, &alias("eve"), &password("correct horse"), NOW).expect("an account");
    assert_eq!(here.refresh(), Ok(Vec::new()), "nothing seems to have changed");
    shared.0.lock().expect("a lock").1 = true;
    assert_eq!(here.refresh(), Ok(Vec::new()), "new accounts end nobody's sessions");
    assert!(here.owner(&alias("b0b")).is_some());

    there.set_operator(OTHER, true).expect("an operator");
    there.change_password(ID, &password("battery staple"), Time::from_millis(2_000)).expect("changed");
    shared.0.lock().expect("a lock").1 = true;
    assert_eq!(here.refresh(), Ok(vec![ID]), "a new password ends sessions, a new power doesn't");
    assert!(here.account(OTHER).expect("eve").operator);
    here.verify(&alias("bob"), &password("battery staple")).expect("the new password");
}

#[test]
fn what_cant_be_kept_is_not_in_force() {
    let shared = Shared::default();
    let accounts = Accounts::open(shared.clone()).expect("opened");
    shared.0.lock().expect("a lock").2 = true;
    let refused = accounts.register(ID, &alias("bob"), &password("correct horse"), NOW);
    assert_eq!(refused, Err(AccountError::Unavailable("the disk is full".to_owned())));
    assert_eq!(accounts.owner(&alias("bob")), None);
}
