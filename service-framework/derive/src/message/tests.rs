use crate::testing::errors_of;

/// The compile errors of a type.
fn errors(source: &str) -> Vec<String> {
    errors_of(super::derive, source)
}

#[test]
fn every_shape_is_taken() {
    for source in [
        "struct Nothing;",
        "struct Nothing {}",
        "struct Order { symbol: String, r#type: Option<u8> }",
        "struct Order<'a, T: Copy> where T: Send { symbol: &'a str, raw: &'a [u8], name: Cow<'a, str>, more: T }",
        "struct Id(u64);",
        "struct Id<'a>(&'a str);",
        "enum Side { Buy, Sell }",
        "enum Price<T> { Limit(T), Market }",
        r#"#[message(rename_all = "camelCase", crate = a::b)] struct A { #[message(rename = "x", default)] a: u8 }"#,
        "struct A { #[message(required)] a: Option<u8>, #[message(numbers)] b: Option<Vec<u8>> }",
        "struct A { #[message(default = [1, 2].map(|x| if x > 1 { x } else { 0 }).to_vec())] a: Vec<u16> }",
        "struct A { #[message(default = HashMap::<u8, u16>::new(), rename = \"b\")] a: HashMap<u8, u16> }",
    ] {
        assert_eq!(errors(source), [""; 0], "{source}");
    }
}

#[test]
fn each_mistake_is_told_with_its_remedy() {
    for (source, expected) in [
        ("union A { a: u8 }", "a union is no message: an enum holds one of several types"),
        ("struct A(u8, u8);", "arguments have names: write `struct Name { field: Type, … }`"),
        ("struct A();", "a message without arguments is written without parentheses: `struct Name;`"),
        (
            "enum A { N(u8), B(Box<A>) }",
            "nothing in a message tells this variant from the `A` that it holds: give that to a struct, which has a name \
             for it, and write `B(B)` here",
        ),
        (
            "enum A { B(Option<Box<Self>>) }",
            "nothing in a message tells this variant from the `A` that it holds: give that to a struct, which has a name \
             for it, and write `B(B)` here",
        ),
        ("enum A {}", "an enum without variants is a type that nothing is: give it at least one"),
        (
            "enum A { B(u8, u8) }",
            "a variant holds one value: give its fields to a struct `B` that has `#[derive(Message)]`, and write \
             `B(B)` here",
        ),
        (
            "struct A<'a, 'b> { a: &'a str, b: &'b str }",
            "a message borrows from one thing, the bytes that it came in: one lifetime is enough for all its fields",
        ),
        (
            "struct A { a: Option<Vec<u8>> }",
            "a `Vec<u8>` is a list of numbers: write `Bytes` (of `service_framework::value`) for bytes, or say \
             `#[message(numbers)]` if a list of numbers is meant",
        ),
        (
            "struct A { #[message(numbers)] a: u8 }",
            "`numbers` says that a `Vec<u8>` is a list of numbers, and there is none here",
        ),
        ("struct A { a: char }", "a `char` is no type of messages: write `String`"),
        (
            "struct A { a: [f64; 3] }",
            "an array is no type of messages: write `Vec<f64>`, or a tuple for a fixed length",
        ),
        (
            "struct A<'a> { a: Vec<&'a Order<'a>> }",
            "a message borrows only text and bytes, `&str` and `&[u8]`: write `Order<'a>` without `&`",
        ),
        (
            "struct A<'a> { a: &'a [Order] }",
            "a message borrows only text and bytes, `&str` and `&[u8]`: write `Vec<Order>`",
        ),
        ("struct A { a: fn() }", "this is no data that a message can hold"),
        (
            "struct A { a: (u8, u8, u8, u8, u8, u8, u8, u8, u8) }",
            "a tuple has at most eight parts: write a struct, whose fields have names",
        ),
        (
            "struct A { a: Cow<'static, str> }",
            "what is read from a message does not live for `'static`: write `String` for text, `Bytes` for bytes, or \
             give the struct a lifetime, as in `struct Name<'a> { text: &'a str }`",
        ),
    ] {
        assert_eq!(errors(source), [expected], "{source}");
    }
}

#[test]
fn each_wrong_attribute_is_told_with_its_remedy() {
    for (source, expected) in [
        (
            r#"struct A { #[message(renam = "b")] a: u8 }"#,
            "unknown attribute `renam`: did you mean `rename`? A field may have `rename`, `required`, `default`, \
             `numbers`",
        ),
        (
            r#"struct A { #[message(rename_all = "camelCase")] a: u8 }"#,
            "`rename_all` is for the struct, not for a field",
        ),
        (r#"#[message(rename = "b")] enum A { B }"#, "`rename` is for a field or a variant, not for an enum"),
        (r#"#[message(rename_all = "camelcase")] enum A { B }"#, "no way to write names: did you mean"),
        (
            "#[message] struct A { a: u8 }",
            "write `#[message(rename_all …)]`; a struct may have `rename_all`, `crate`",
        ),
        ("struct A { #[message(rename)] a: u8 }", "`rename` is a text: write `rename = \"other_name\"`"),
        (r#"struct A { #[message(rename = "")] a: u8 }"#, "a name has at least one letter"),
        (r#"struct A { #[message(rename = "b", rename = "c")] a: u8 }"#, "`rename` is given twice"),
        (
            r#"struct A { #[message(rename = "b")] a: u8, b: u8 }"#,
            "two fields are called \"b\", `a` and `b`: rename one",
        ),
        (
            r#"#[message(rename_all = "lowercase")] enum A { Ab, AB }"#,
            "two variants are called \"ab\", `Ab` and `AB`: rename one",
        ),
        (
            "struct A { #[message(required)] a: u8 }",
            "a field is required unless it is an `Option`: leave `required` out",
        ),
        (
            "struct A { #[message(default)] a: Option<u8> }",
            "an `Option` that is left out is `None`: a default is for a field without `Option`",
        ),
        (
            "struct A { #[message(required, default)] a: u8 }",
            "a field that is required has no use for a default: leave one of them out",
        ),
        (
            r#"struct A { #[message(default = "5 sec")] a: Duration }"#,
            "\"5 sec\" is no length of time: a number with a unit, such as \"5s\", \"500ms\", \"1.5m\", \"2h\", \"1d\" \
             or \"PT1.5S\"",
        ),
        (
            "struct A { #[message(default = 5)] a: std::time::Duration }",
            "a length of time is a text with a unit",
        ),
        (r#"struct A(#[message(rename = "b")] u8);"#, "`rename` is for a field with a name"),
        (r#"enum A { #[message(rename = "b")] B(u8) }"#, "`rename` is for a variant that holds nothing"),
        ("struct A { #[message(default = )] a: u8 }", "a value is missing after `=`"),
    ] {
        let found = errors(source);
        assert!(matches!(&found[..], [one] if one.starts_with(expected)), "{source}: {found:?}");
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let source = r#"
        #[message(renam_all = "x")]
        struct A<'a, 'b> { a: char, #[message(required)] b: Vec<u8>, #[message(default = "x")] c: Duration }
    "#;
    assert_eq!(errors(source).len(), 6);
}
