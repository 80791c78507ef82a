use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::model::ServiceModel;
use crate::model::generate::any_type;
use crate::model::service::tests::{problems, shipped_schema};

#[test]
fn states_have_their_rules() {
    let state = |state_type: &str, more: Json| {
        let mut model = json!({"state_type": state_type});
        model.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        problems(json!({"name": "x", "state_models": {"in": {"s": model}}}))
    };
    let delta = |of: Json| state("delta_update_in", json!({"required_arguments": {"state": of}}));
    assert_eq!(state("delta_update", json!({})), [""; 0], "the state may be of any type");
    assert_eq!(delta(json!({"Decimal": "Decimal"})), [""; 0]);
    assert_eq!(delta(json!({"bid": "Decimal", "note": "any"})), [""; 0]);
    let path = "state_models.in.s.";
    for (found, expected) in [
        (
            delta(json!({"str": ["optional", "int"]})),
            r#"required_arguments.state: expected values that are never None, found ["map","str",["optional","int"]] (a nil in an update deletes its key)"#,
        ),
        (
            delta(json!({"bid": ["union", "int", ["literal", null]]})),
            r#"required_arguments.state: expected values that are never None, found ["record",{"bid":["union","int",["literal",null]]}] (a nil in an update deletes its key)"#,
        ),
        (
            delta(json!(["list", "int"])),
            r#"required_arguments.state: expected ["map", K, V], a record or any, found ["list","int"]"#,
        ),
        (
            state("delta_update_in", json!({"optional_arguments": {"state": "any"}})),
            "optional_arguments.state: expected `state` under `required_arguments`, found any",
        ),
        (
            state("delta_update_in", json!({"required_arguments": {"current_num": "int"}})),
            "required_arguments.current_num: expected no state argument, as these are implied, found int",
        ),
        (
            state("delta_update_in", json!({"required_state_arguments": {"current_num": "int"}})),
            r#"required_state_arguments: expected {"current_num": "int", "is_snapshot": "bool"}, found current_num"#,
        ),
        (
            state("full_update_in", json!({"optional_state_arguments": {"x": "int"}})),
            "optional_state_arguments: expected no optional state arguments, found x",
        ),
        (
            state("full_update_in", json!({"required_return_arguments": {"x": "int"}})),
            "required_return_arguments: expected none, as a state returns nothing, found a table of 1",
        ),
        (
            state("full_update_in", json!({"optional_creation_arguments": {"is_x_pub": true}})),
            r#"optional_creation_arguments.is_x_pub: expected one of topic, topics, on_change, found unknown key "is_x_pub""#,
        ),
        (
            state("local_variable_delta_update", json!({})),
            r#"state_type: expected delta_update_in or full_update_in, found "local_variable_delta_update" (did you mean `delta_update_in`?)"#,
        ),
        (
            state("delta_update_out", json!({})),
            r#"state_type: expected delta_update_in or full_update_in, found "delta_update_out" (did you mean `delta_update_in`?)"#,
        ),
    ] {
        assert_eq!(found, [format!("{path}{expected}")]);
    }
}

/// A state of any kind, with some of the creation arguments that its kind has.
fn any_state() -> impl Strategy<Value = StateModel> {
    let kinds = select(vec![StateType::DeltaUpdate, StateType::FullUpdate]);
    let sides = select(vec![Side::In, Side::Out]);
    (sides, kinds, any_type(), any::<[bool; 7]>()).prop_map(|(side, kind, of, has)| {
        let [topic, topics, on_change, local_copy, connects, waits, last] = has;
        let when = |is_set: bool, text: &str| is_set.then(|| text.to_owned());
        let (is_in, is_delta) = (side == Side::In, kind == StateType::DeltaUpdate);
        let several = is_in && topics && !topic;
        let model = StateModel {
            topic: when(topic, "eu"),
            topics: if several { vec!["eu".to_owned(), "us".to_owned()] } else { Vec::new() },
            on_change: when(is_in && on_change, "on_state"),
            local_copy: when(is_in && is_delta && local_copy, "/var/lib/desk/state"),
            is_x_pub: !is_in && connects,
            wait_after_creation: (!is_in && waits).then(|| Duration::from_millis(250)),
            is_standby: !is_in && is_delta && last,
            conflates: !is_in && !is_delta && last,
            ..StateModel::new("s", side, kind)
        };
        let keys = if is_delta { Type::map(Type::Str, Type::Int) } else { of.clone() };
        model.requires("state", keys).optional("more", of)
    })
}

proptest! {
    #[test]
    fn a_state_is_read_back_as_it_was(state in any_state()) {
        let model = ServiceModel { name: "desk".into(), states: vec![state], ..ServiceModel::default() };
        prop_assert_eq!(model.problems(), []);
        let described = model.to_json();
        prop_assert!(shipped_schema().is_valid(&described), "{}", described);
        let read = ServiceModel::from_json(&described, None).unwrap();
        prop_assert_eq!(read.states, model.states);
    }
}
