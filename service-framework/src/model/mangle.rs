//! Values written in the ways that MessagePack has for them, and with the mistakes that others make.

use std::time::Duration;

use crate::value::{Decimal, Tag, TimeDelta, Value};

/// Appends values as MessagePack; dice decide how. Zeros write them plainly.
pub(crate) struct Mangler<'a> {
    dice: std::slice::Iter<'a, u8>,
    out: Vec<u8>,
}

/// The bytes of a value, written as the dice say.
pub(crate) fn mangled(value: &Value, dice: &[u8]) -> Vec<u8> {
    let mut mangler = Mangler { dice: dice.iter(), out: Vec::new() };
    mangler.value(value);
    mangler.out
}

/// Values that may stand where others should.
pub(crate) fn mistakes() -> Vec<Value> {
    vec![
        Value::Nil,
        Value::Bool(true),
        Value::Int(7),
        Value::Int(-1),
        Value::Int(300),
        Value::UInt(u64::MAX),
        Value::Float(1.5),
        Value::from(""),
        Value::Bytes(vec![1]),
        Value::List(Vec::new()),
        Value::List(vec![Value::Int(1); 2]),
        Value::Map(Vec::new()),
        Value::Map(vec![(Value::from("__set__"), Value::Bool(true)), (Value::from("value"), Value::Nil)]),
        Value::Set(Vec::new()),
        Value::Decimal(Decimal::from_parts(15, -1)),
        Value::TimeDelta(TimeDelta::from(Duration::from_secs(1)).negated()),
        Value::Ext(5, vec![1]),
    ]
}

/// `value` with one of its parts, itself and keys included, replaced; None if it has fewer.
pub(crate) fn with_one_replaced(value: &Value, place: usize, by: &Value) -> Option<Value> {
    let (mut value, mut left) = (value.clone(), place);
    replace(&mut value, &mut left, by).then_some(value)
}

/// Counts down to the part; false if it is not in the value.
fn replace(value: &mut Value, left: &mut usize, by: &Value) -> bool {
    if *left == 0 {
        *value = by.clone();
        return true;
    }
    *left -= 1;
    match value {
        Value::List(items) | Value::Set(items) => items.iter_mut().any(|item| replace(item, left, by)),
        Value::Map(entries) => {
            entries.iter_mut().any(|(key, value)| replace(key, left, by) || replace(value, left, by))
        }
        _ => false,
    }
}

impl Mangler<'_> {
    fn die(&mut self) -> u8 {
        self.dice.next().copied().unwrap_or_default()
    }

    /// True about once in so many times.
    fn rarely(&mut self, times: u8) -> bool {
        self.die() > u8::MAX - u8::MAX / times
    }

    fn value(&mut self, value: &Value) {
        if self.rarely(30) {
            return self.mistake(value);
        }
        match value {
            Value::Int(number) => self.int(i128::from(*number)),
            Value::UInt(number) => self.int(i128::from(*number)),
            Value::Float(number) => self.float(*number),
            Value::Str(text) => self.text(text),
            Value::Bytes(bytes) => {
                self.head([None, Some(0xc4), Some(0xc5), Some(0xc6)], bytes.len());
                self.out.extend_from_slice(bytes);
            }
            Value::List(items) => self.list(items),
            Value::Map(entries) => self.map(entries),
            Value::Set(items) => {
                self.tagged(Tag::Set, |mangler| mangler.list(items));
            }
            Value::Decimal(number) => self.tagged(Tag::Decimal, |mangler| mangler.text(number.as_str())),
            Value::DateTime(time) => self.tagged(Tag::DateTime, |mangler| mangler.text(time.as_str())),
            Value::Date(date) => self.tagged(Tag::Date, |mangler| mangler.text(date.as_str())),
            Value::Time(time) => self.tagged(Tag::Time, |mangler| mangler.text(time.as_str())),
            Value::TimeDelta(delta) => {
                self.tagged(Tag::TimeDelta, |mangler| mangler.text(&delta.to_string()))
            }
            Value::Uuid(id) => self.tagged(Tag::Uuid, |mangler| mangler.text(&id.to_string())),
            plain => plain.write(&mut self.out),
        }
    }

    /// Something else in the place of a value.
    fn mistake(&mut self, value: &Value) {
        let mut others = mistakes();
        others.extend([Value::List(vec![value.clone()]), Value::Set(vec![value.clone()])]);
        let which = usize::from(self.die()) % others.len();
        self.value(&others[which]);
    }

    /// One of the forms of an integer in which it has room.
    fn int(&mut self, number: i128) {
        let widths: [(u8, i128, i128, usize); 8] = [
            (0xcc, 0, u8::MAX.into(), 1),
            (0xcd, 0, u16::MAX.into(), 2),
            (0xce, 0, u32::MAX.into(), 4),
            (0xcf, 0, u64::MAX.into(), 8),
            (0xd0, i8::MIN.into(), i8::MAX.into(), 1),
            (0xd1, i16::MIN.into(), i16::MAX.into(), 2),
            (0xd2, i32::MIN.into(), i32::MAX.into(), 4),
            (0xd3, i64::MIN.into(), i64::MAX.into(), 8),
        ];
        let die = self.die();
        let fitting: Vec<_> =
            widths.iter().filter(|(_, least, most, _)| (*least..=*most).contains(&number)).collect();
        match fitting.get(usize::from(die) % (2 * fitting.len())) {
            Some((marker, .., width)) if die > 0 => {
                self.out.push(*marker);
                self.out.extend_from_slice(&number.to_be_bytes()[16 - width..]);
            }
            _ => match i64::try_from(number) {
                Ok(number) => Value::Int(number).write(&mut self.out),
                Err(_) => Value::UInt(number as u64).write(&mut self.out),
            },
        }
    }

    fn float(&mut self, number: f64) {
        match self.die() % 8 {
            7 => {
                self.out.push(0xca);
                self.out.extend_from_slice(&(number as f32).to_be_bytes());
            }
            6 => self.int(number as i128 % (1 << 60)),
            _ => Value::Float(number).write(&mut self.out),
        }
    }

    fn text(&mut self, text: &str) {
        let short = u8::try_from(text.len()).ok().filter(|len| *len < 32).map(|len| 0xa0 | len);
        if self.rarely(60) {
            self.out.extend_from_slice(&[0xc4, 0]);
        } else {
            self.head([short, Some(0xd9), Some(0xda), Some(0xdb)], text.len());
            self.out.extend_from_slice(text.as_bytes());
        }
    }

    /// One of the forms of a length, which is 1, 2 or 4 bytes after the first.
    fn head(&mut self, markers: [Option<u8>; 4], len: usize) {
        let die = usize::from(self.die());
        let room = [0, u8::MAX.into(), u16::MAX.into(), usize::MAX];
        let has_room = |form: usize| markers[form].is_some() && (form == 0 || len <= room[form]);
        let wanted = if die > 200 { die % 4 } else { 0 };
        let form = (wanted..4).chain(0..wanted).find(|form| has_room(*form)).unwrap_or(3);
        self.out.extend(markers[form]);
        let width = [0, 1, 2, 4][form];
        self.out.extend_from_slice(&len.to_be_bytes()[8 - width..]);
    }

    fn list(&mut self, items: &[Value]) {
        let short = u8::try_from(items.len()).ok().filter(|len| *len < 16).map(|len| 0x90 | len);
        self.head([short, None, Some(0xdc), Some(0xdd)], items.len());
        items.iter().for_each(|item| self.value(item));
    }

    fn map_head(&mut self, len: usize) {
        let short = u8::try_from(len).ok().filter(|len| *len < 16).map(|len| 0x80 | len);
        self.head([short, None, Some(0xde), Some(0xdf)], len);
    }

    /// A map, perhaps in another order, with an entry twice, without one, or with one more.
    fn map(&mut self, entries: &[(Value, Value)]) {
        let mut entries = entries.to_vec();
        let which = |die: u8, entries: &[(Value, Value)]| usize::from(die) % entries.len();
        match (self.die(), self.die()) {
            (..200, _) => {}
            (200..220, die) if !entries.is_empty() => {
                let middle = which(die, &entries);
                entries.rotate_left(middle);
            }
            (220..230, die) if !entries.is_empty() => entries.push(entries[which(die, &entries)].clone()),
            (230..240, die) if !entries.is_empty() => {
                entries.remove(which(die, &entries));
            }
            (240..250, _) => entries.push((Value::from("another"), Value::Nil)),
            (_, _) => entries.reverse(),
        }
        self.map_head(entries.len());
        for (key, value) in &entries {
            self.value(key);
            self.value(value);
        }
    }

    /// A tagged value, perhaps in the other order, or not quite one.
    fn tagged(&mut self, tag: Tag, value: impl Fn(&mut Self)) {
        let die = self.die();
        let has_another = die == 255;
        self.map_head(2 + usize::from(has_another));
        if die >= 128 {
            self.text(tag.value_key());
            value(self);
        }
        self.text(tag.key());
        Value::Bool(die != 254).write(&mut self.out);
        if die < 128 {
            self.text(if die == 127 { "value" } else { tag.value_key() });
            value(self);
        }
        if has_another {
            self.text("more");
            self.out.push(0xc0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_dice_values_are_written_plainly() {
        for value in [
            Value::Int(-5),
            Value::UInt(u64::MAX),
            Value::Float(1.5),
            Value::from("text"),
            Value::Decimal("1.5".parse().unwrap()),
            Value::Map(vec![(Value::Int(300), Value::Set(vec![Value::Bytes(vec![1])]))]),
        ] {
            assert_eq!(mangled(&value, &[]), value.to_msgpack());
        }
    }

    #[test]
    fn other_forms_mean_the_same() {
        for die in 201..=u8::MAX {
            let dice: Vec<u8> = [0, die].repeat(4);
            assert_eq!(Value::from_msgpack(&mangled(&Value::Int(7), &dice)), Ok(Value::Int(7)));
            let text = Value::from("text");
            assert_eq!(Value::from_msgpack(&mangled(&text, &[0, 0, die])), Ok(text));
        }
    }
}
