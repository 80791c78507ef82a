//! Tests of decimals against what Python's `decimal` says.

use proptest::prelude::*;

use super::Decimal;

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

#[test]
fn what_python_reads_and_prints_is_a_decimal() {
    for text in [
        "0",
        "1.50",
        "-1.50",
        "+1",
        "00.10",
        ".5",
        "5.",
        "1E+30",
        "1e30",
        "1e-7",
        "0E-7",
        "NaN",
        "nan",
        "-NaN123",
        "sNaN",
        "SNAN7",
        "Infinity",
        "-inf",
        "+INF",
        "1E+999999999999999999",
        "1e0000000000000000000001",
    ] {
        assert_eq!(decimal(text).as_str(), text);
    }
}

#[test]
fn other_text_is_none() {
    for text in [
        "",
        ".",
        "+",
        "-",
        "e5",
        ".e5",
        "1.5.0",
        "1e",
        "1e+",
        "1e5.0",
        "1E+1000000000000000000",
        "--1",
        "1 ",
        " 1",
        "1_000",
        "1,5",
        "0x10",
        "NaN1a",
        "12NaN",
        "infinit",
        "in",
        "١",
        "1e٣",
    ] {
        assert!(!Decimal::is_valid(text), "{text:?}");
    }
    let error = "1,5".parse::<Decimal>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected a decimal number such as 12.50, -3E+7, NaN or Infinity, found `1,5`"
    );
}

#[test]
fn a_number_is_the_nearest_float() {
    assert_eq!(decimal("12.50").to_f64(), Some(12.5));
    assert_eq!(decimal("+.5e1").to_f64(), Some(5.0));
    assert_eq!(decimal("-Infinity").to_f64(), Some(f64::NEG_INFINITY));
    assert!(decimal("-NaN12").to_f64().is_some_and(f64::is_nan));
    assert_eq!(decimal("sNaN").to_f64(), None);
    assert_eq!(decimal("1E+400").to_f64(), None);
}

#[test]
fn parts_are_written_as_python_writes_them() {
    for (coefficient, exponent, text) in [
        (0, 0, "0"),
        (150, -2, "1.50"),
        (-5, -1, "-0.5"),
        (1, 30, "1E+30"),
        (123, 1, "1.23E+3"),
        (0, -7, "0E-7"),
        (1, -6, "0.000001"),
        (1, -7, "1E-7"),
        (12, -8, "1.2E-7"),
        (1, i32::MAX, "1E+2147483647"),
    ] {
        assert_eq!(Decimal::from_parts(coefficient, exponent).as_str(), text);
        assert_eq!(decimal(text).parts(), Some((coefficient, exponent)), "{text}");
    }
}

#[test]
fn parts_are_those_of_finite_numbers_that_fit() {
    assert_eq!(decimal("-.5e3").parts(), Some((-5, 2)));
    assert_eq!(decimal("5.").parts(), Some((5, 0)));
    assert_eq!(decimal("NaN").parts(), None);
    assert_eq!(decimal("-Infinity").parts(), None);
    assert_eq!(decimal(&"9".repeat(40)).parts(), None);
    assert_eq!(decimal("1E+3000000000").parts(), None);
    assert_eq!(decimal("1.5E-2147483648").parts(), None);
}

proptest! {
    #[test]
    fn parts_come_back(coefficient: i128, exponent in -1000..1000) {
        let number = Decimal::from_parts(coefficient, exponent);
        prop_assert!(Decimal::is_valid(number.as_str()));
        prop_assert_eq!(number.parts(), Some((coefficient, exponent)));
    }

    #[test]
    fn the_nearest_float_is_that_of_the_parts(coefficient in -1_000_000_i32..1_000_000, exponent in -5..5) {
        let expected: f64 = format!("{coefficient}e{exponent}").parse().unwrap();
        prop_assert_eq!(Decimal::from_parts(coefficient.into(), exponent).to_f64(), Some(expected));
    }
}
