//! Where the data of an owned delta state are besides: with others, who may write them too, and who stay when the owner goes.

use super::map::{StateMap, entries, write_changes};
use super::owner::Numbered;
use super::raw::Raw;
use crate::value::DecodeError;

/// The data that several owners of a state have in common. Keys and values are MessagePack.
///
/// An owner calls it while it holds its own lock, so that both change in the same order.
pub(crate) trait Backing: Send + Sync {
    /// Writes a value, or deletes it.
    fn set(&self, key: &[u8], value: Option<&[u8]>);
    /// What is there.
    fn get(&self, key: &[u8]) -> Option<Vec<u8>>;
    /// All keys that are there.
    fn keys(&self) -> Vec<Vec<u8>>;
}

/// Writes an update of the owner, whose state was `before`.
pub(super) fn write(
    backing: &dyn Backing,
    before: &StateMap,
    numbered: &Numbered<'_>,
) -> Result<(), DecodeError> {
    let mut kept = before.clone();
    for entry in entries(&numbered.state)? {
        let (key, value) = entry?;
        let key = Raw::key(key);
        let is_news = before.get(&key).map(|value| &**value) != value;
        if is_news {
            backing.set(&key, value);
        }
        kept.remove(&key);
    }
    // A snapshot has no others.
    for key in kept.keys().filter(|_| numbered.is_snapshot && numbered.number > 0) {
        backing.set(key, None);
    }
    Ok(())
}

/// What `state` lacks of these keys, or of all keys that either has, as changes; nothing if it lacks none.
pub(super) fn lacking(backing: &dyn Backing, state: &StateMap, keys: Option<&[Vec<u8>]>) -> Option<Vec<u8>> {
    let mut wanted: Vec<Raw> = match keys {
        Some(keys) => keys.iter().map(|key| Raw::key(key)).collect(),
        None => {
            let theirs = backing.keys();
            theirs.iter().map(|key| Raw::key(key)).chain(state.keys().cloned()).collect()
        }
    };
    wanted.sort();
    wanted.dedup();
    let changes: Vec<(Raw, Option<Raw>)> = wanted
        .into_iter()
        .map(|key| {
            let value = backing.get(&key).map(|value| Raw::from(&value[..]));
            (key, value)
        })
        .filter(|(key, value)| state.get(key) != value.as_ref())
        .collect();
    let mut written = Vec::new();
    write_changes(changes.iter().map(|(key, value)| (key, value.as_ref())), &mut written);
    (!changes.is_empty()).then_some(written)
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex, PoisonError};

    use super::super::delta_owner::{DeltaOwner, Others};
    use super::super::outlet::Outlet;
    use super::super::rules::DeltaRules;
    use super::*;
    use crate::connection::Wake;
    use crate::model::{StateModel, Type};
    use crate::value::{Value, encode};
    use crate::wire::WorkflowId;

    /// Data in memory, which several owners may have.
    #[derive(Default)]
    pub(crate) struct InMemory(Mutex<BTreeMap<Vec<u8>, Vec<u8>>>);

    impl InMemory {
        fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Vec<u8>, Vec<u8>>> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }

        pub(crate) fn all(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
            self.lock().clone().into_iter().collect()
        }
    }

    impl Backing for InMemory {
        fn set(&self, key: &[u8], value: Option<&[u8]>) {
            match value {
                Some(value) => drop(self.lock().insert(key.to_vec(), value.to_vec())),
                None => drop(self.lock().remove(key)),
            }
        }

        fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
            self.lock().get(key).cloned()
        }

        fn keys(&self) -> Vec<Vec<u8>> {
            self.lock().keys().cloned().collect()
        }
    }

    fn state(entries: &[(u8, u8)]) -> StateMap {
        entries.iter().map(|(key, value)| (Raw::from(&[*key][..]), Raw::from(&[*value][..]))).collect()
    }

    fn numbered(number: i64, is_snapshot: bool, state: &'static [u8]) -> Numbered<'static> {
        Numbered { number, is_snapshot, state: state.into() }
    }

    #[test]
    fn what_an_owner_changes_is_written_and_the_rest_left_alone() {
        let backing = InMemory::default();
        backing.set(&[9], Some(&[9]));
        write(&backing, &state(&[(2, 2)]), &numbered(1, false, &[0x82, 1, 1, 2, 0xc0])).unwrap();
        assert_eq!(backing.all(), [(vec![1], vec![1]), (vec![9], vec![9])]);
    }

    #[test]
    fn a_snapshot_takes_away_what_the_owner_had_and_not_what_it_never_saw() {
        let backing = InMemory::default();
        for key in [1, 2, 9] {
            backing.set(&[key], Some(&[key]));
        }
        write(&backing, &state(&[(1, 1), (2, 2)]), &numbered(4, true, &[0x81, 1, 1])).unwrap();
        assert_eq!(backing.all(), [(vec![1], vec![1]), (vec![9], vec![9])]);
    }

    #[test]
    fn what_a_state_lacks_is_found_and_nothing_if_it_lacks_none() {
        let backing = InMemory::default();
        backing.set(&[1], Some(&[7]));
        let mine = state(&[(1, 1), (2, 2)]);
        assert_eq!(lacking(&backing, &mine, None), Some(vec![0x82, 1, 7, 2, 0xc0]));
        assert_eq!(lacking(&backing, &mine, Some(&[vec![1]])), Some(vec![0x81, 1, 7]));
        assert_eq!(lacking(&backing, &state(&[(1, 7)]), None), None);
    }

    /// An owner whose state the data are.
    fn owner(epoch: u64, data: &Arc<InMemory>) -> DeltaOwner {
        let model = StateModel::delta_out("prices", Type::map(Type::Str, Type::Int));
        let wake = Arc::new(Wake::new().unwrap());
        let owner =
            DeltaOwner::new("prices", DeltaRules::compile(&model).unwrap(), epoch, false, wake.clone());
        owner.open(Outlet::Inside { told: Vec::new(), wake });
        owner.share(data.clone()).unwrap();
        owner
    }

    fn set(owner: &DeltaOwner, key: &str, value: Option<i64>) {
        let changes = encode(&BTreeMap::from([(key, value)])).unwrap();
        owner.change(&changes, &Others::default(), None, &WorkflowId::new()).unwrap();
    }

    fn shown(owner: &DeltaOwner) -> Value {
        owner.view().to_value()
    }

    #[test]
    fn several_owners_have_one_state_and_it_outlives_them() {
        let data = Arc::<InMemory>::default();
        let one = owner(1, &data);
        set(&one, "a", Some(1));
        let two = owner(2, &data);
        assert_eq!(shown(&two), shown(&one), "who comes later has it");
        set(&two, "b", Some(2));
        set(&two, "a", None);
        one.take_shared(Some(&[encode("b").unwrap()])).unwrap();
        assert_eq!(shown(&one), Value::Map(vec![("a".into(), 1.into()), ("b".into(), 2.into())]));
        one.take_shared(None).unwrap();
        assert_eq!(shown(&one), shown(&two));
        let number = one.view().number();
        one.take_shared(None).unwrap();
        assert_eq!(one.view().number(), number, "what is known already is no update");
        drop((one, two));
        let three = owner(3, &data);
        assert_eq!(shown(&three), Value::Map(vec![("b".into(), 2.into())]));
        data.set(&encode("c").unwrap(), Some(&encode("no number").unwrap()));
        assert!(three.take_shared(None).is_err());
        assert_eq!(shown(&three), Value::Map(vec![("b".into(), 2.into())]), "what does not fit is not taken");
    }
}
