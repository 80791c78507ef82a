use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::program::spec::properties::specs;
use crate::program::spec::{Spec, Target};

fn order() -> Spec {
    Spec::from_text(include_str!("../../../../examples/programs/order/ryu_spec.json")).unwrap()
}

/// Names that are code in every format.
fn hostile() -> Spec {
    let name = "a\"]; </text><script>alert(1)</script> & \\ #1 `x` | {y} -->";
    let json = json!({
        "name": "x",
        "programs": {name: {"hooks": [format!("hooks.{name}")], "args": {}, "outputs": {}}},
        "hooks": {name: {"reference": name, "args": {}, "rectifiers": ["undo"]}, "undo": {"reference": "u", "args": {}}}
    });
    Spec::from_json(&json).unwrap()
}

fn all(spec: &Spec, format: Format) -> String {
    draw(spec, &(0..spec.programs().len()).collect::<Vec<_>>(), format)
}

#[test]
fn a_program_is_a_tree() {
    insta::assert_snapshot!(all(&order(), Format::Text), @r##"
    buy: Takes items out of stock, charges the customer and ships. If a step fails, all before it is undone.
    (holds customer:{customer_id}, item:{item}; takes at most 2m; goes on after a crash)

    ├─ 1 reserve                   order.stock.reserve, idempotent
    │  └─ undone by release        order.stock.release, 10 attempts, idempotent
    ├─ 3 charge                    order.payment.charge, at most 30s
    │  ├─ needs 2 find_price       order.prices.find, 3 attempts, at most 2s, idempotent
    │  ├─ undone by refund         order.payment.refund, 10 attempts, idempotent
    │  └─ undone by note_refund    order.books.note_refund, idempotent
    ├─ 5 ship                      order.shipping.ship, 3 attempts, at most 10s, idempotent
    │  ├─ needs 4 choose_carrier   order.shipping.choose_carrier, idempotent
    │  └─ undone by cancel_parcel  order.shipping.cancel, 10 attempts, idempotent
    └─ programs.tell
       ├─ 6 write_letter           order.letters.write, idempotent
       └─ 7 send_letter            order.letters.send

    undone in this order: cancel_parcel (5), refund (3), note_refund (3), release (1)

    tell: Tells the customer. Nothing here is undone: a message that was sent is sent.
    (holds no lock; is undone after a crash)

    ├─ 1 write_letter  order.letters.write, idempotent
    └─ 2 send_letter   order.letters.send
    "##);
}

#[test]
fn a_program_is_a_flowchart() {
    insta::assert_snapshot!(all(&order(), Format::Mermaid), @r##"
    flowchart TD
      subgraph p0["buy"]
        p0s1["1 reserve"]
        p0s1u0(["release"]):::rectifier
        p0s2["2 find_price<br/>for charge"]:::dependency
        p0s3["3 charge"]
        p0s3u0(["refund"]):::rectifier
        p0s3u1(["note_refund"]):::rectifier
        p0s4["4 choose_carrier<br/>for ship"]:::dependency
        p0s5["5 ship"]
        p0s5u0(["cancel_parcel"]):::rectifier
        subgraph p0g5["programs.tell"]
          p0s6["6 write_letter"]
          p0s7["7 send_letter"]
        end
      end
      p0s1 --> p0s2
      p0s2 --> p0s3
      p0s3 --> p0s4
      p0s4 --> p0s5
      p0s5 --> p0s6
      p0s6 --> p0s7
      p0s1 -.->|undone by| p0s1u0
      p0s3 -.->|undone by| p0s3u0
      p0s3u0 -.->|then| p0s3u1
      p0s5 -.->|undone by| p0s5u0
      subgraph p1["tell"]
        p1s1["1 write_letter"]
        p1s2["2 send_letter"]
      end
      p1s1 --> p1s2
      classDef dependency stroke-dasharray: 2 2
      classDef rectifier fill:#fbe9e7,stroke:#c0392b,color:#7b241c
    "##);
}

#[test]
fn a_program_is_a_graph() {
    insta::assert_snapshot!(all(&order(), Format::Dot), @r##"
    digraph programs {
      rankdir=TB
      node [shape=box, style=rounded, fontname="sans-serif"]
      edge [fontname="sans-serif", fontsize=10]
      subgraph cluster_p0 {
        label="buy"
        p0s1 [label="1 reserve"]
        p0s1u0 [label="release", color="#c0392b", fontcolor="#7b241c"]
        {rank=same; p0s1; p0s1u0}
        p0s2 [label="2 find_price\nfor charge", style="rounded,dashed"]
        p0s3 [label="3 charge"]
        p0s3u0 [label="refund", color="#c0392b", fontcolor="#7b241c"]
        p0s3u1 [label="note_refund", color="#c0392b", fontcolor="#7b241c"]
        {rank=same; p0s3; p0s3u0}
        p0s4 [label="4 choose_carrier\nfor ship", style="rounded,dashed"]
        p0s5 [label="5 ship"]
        p0s5u0 [label="cancel_parcel", color="#c0392b", fontcolor="#7b241c"]
        {rank=same; p0s5; p0s5u0}
        subgraph cluster_p0g5 {
          label="programs.tell"
          p0s6 [label="6 write_letter"]
          p0s7 [label="7 send_letter"]
        }
      }
      p0s1 -> p0s2
      p0s2 -> p0s3
      p0s3 -> p0s4
      p0s4 -> p0s5
      p0s5 -> p0s6
      p0s6 -> p0s7
      p0s1 -> p0s1u0 [label="undone by", style=dashed, color="#c0392b"]
      p0s3 -> p0s3u0 [label="undone by", style=dashed, color="#c0392b"]
      p0s3u0 -> p0s3u1 [label="then", style=dashed, color="#c0392b"]
      p0s5 -> p0s5u0 [label="undone by", style=dashed, color="#c0392b"]
      subgraph cluster_p1 {
        label="tell"
        p1s1 [label="1 write_letter"]
        p1s2 [label="2 send_letter"]
      }
      p1s1 -> p1s2
    }
    "##);
}

#[test]
fn a_program_is_a_picture() {
    let svg = draw(&order(), &[0], Format::Svg);
    assert_well_formed(&svg);
    let texts: Vec<&str> =
        svg.split("<text").skip(1).filter_map(|text| text.split(['>', '<']).nth(1)).collect();
    let expected = "buy programs.tell 1 reserve undone by release 2 find_price 3 charge undone by refund note_refund \
                    4 choose_carrier 5 ship undone by cancel_parcel 6 write_letter 7 send_letter";
    assert_eq!(texts.join(" "), expected);
    assert!(!svg.contains("href"), "it needs nothing from elsewhere");
}

/// Every element that begins ends, in the right order, and nothing is outside of them.
#[track_caller]
fn assert_well_formed(xml: &str) {
    let mut open: Vec<&str> = Vec::new();
    for part in xml.trim().split('<').skip(1) {
        let (tag, text) = part.split_once('>').unwrap();
        let name = tag.trim_matches('/').split([' ', '\n']).next().unwrap();
        match (tag.starts_with('/'), tag.ends_with('/')) {
            (true, _) => assert_eq!(open.pop(), Some(name), "{xml}"),
            (false, false) => open.push(name),
            (false, true) => {}
        }
        let entities = text.split('&').skip(1);
        entities.for_each(|entity| {
            assert!(
                ["amp;", "lt;", "gt;", "quot;"].iter().any(|known| entity.starts_with(known)),
                "{entity}"
            );
        });
    }
    assert_eq!(open, Vec::<&str>::new());
}

fn overlap(a: layout::Frame, b: layout::Frame) -> bool {
    a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_step_is_drawn_once(json in specs()) {
        let spec = Spec::from_json(&json).unwrap();
        let places: Vec<usize> = (0..spec.programs().len()).collect();
        for chart in chart::charts(&spec, &places) {
            let numbers: Vec<u64> = chart.steps.iter().map(|step| step.number).collect();
            let count = numbers.len() as u64;
            prop_assert!(chart.left_out > 0 || numbers == (1..=count).collect::<Vec<_>>(), "{:?}", numbers);
            let place = spec.program_place(&chart.name).unwrap();
            prop_assert_eq!(count + chart.left_out, spec.steps_of(Target::Program(place)));
        }
        assert_well_formed(&draw(&spec, &places, Format::Svg));
    }

    #[test]
    fn nothing_stands_on_anything_else(json in specs()) {
        let spec = Spec::from_json(&json).unwrap();
        for chart in chart::charts(&spec, &(0..spec.programs().len()).collect::<Vec<_>>()) {
            let layout = layout::layout(&chart, 0.0);
            let undoing = layout.steps.iter().flat_map(|step| step.undone_by.iter().map(|(_, frame)| *frame));
            let frames: Vec<_> = layout.steps.iter().map(|step| step.frame).chain(undoing).collect();
            for (index, frame) in frames.iter().enumerate() {
                prop_assert!(frame.x > layout::RAIL && frame.y >= 0.0, "{:?}", frame);
                prop_assert!(frame.x + frame.width <= layout.right && frame.y + frame.height <= layout.bottom);
                prop_assert!(frames[..index].iter().all(|other| !overlap(*frame, *other)), "{:?}", frames);
            }
        }
    }
}

#[test]
fn a_program_is_json() {
    let json = to_json(&order(), &[0]);
    let steps: Vec<_> =
        json[0]["steps"].as_array().unwrap().iter().map(|step| step["hook"].clone()).collect();
    let order = ["reserve", "find_price", "charge", "choose_carrier", "ship", "write_letter", "send_letter"];
    assert_eq!(steps, order);
    assert_eq!(
        json[0]["steps"][1],
        json!({
            "number": 2, "hook": "find_price", "reference": "order.prices.find", "needed_by": "charge",
            "within": [], "undone_by": []
        })
    );
    assert_eq!(json[0]["steps"][2]["undone_by"], json!(["refund", "note_refund"]));
    assert_eq!(json[0]["steps"][5]["within"], json!(["programs.tell"]));
}

#[test]
fn names_are_never_code() {
    let spec = hostile();
    let svg = all(&spec, Format::Svg);
    assert!(!svg.contains("<script") && svg.contains("&lt;script&gt;"), "{svg}");
    let mermaid = all(&spec, Format::Mermaid);
    assert!(!mermaid.contains("<script") && !mermaid.contains("a\"]"), "{mermaid}");
    let dot = all(&spec, Format::Dot);
    assert!(dot.contains("a\\\"]; "), "{dot}");
}

/// Every level runs the one below it twice.
fn doubling(levels: usize) -> Spec {
    let program = |level: usize| {
        let below = if level == 0 { "hooks.x".to_owned() } else { format!("programs.p{}", level - 1) };
        (format!("p{level}"), json!({"hooks": [below.clone(), below], "args": {}, "outputs": {}}))
    };
    let programs: serde_json::Map<_, _> = (0..levels).map(program).collect();
    let hooks = json!({"x": {"reference": "x", "args": {}}});
    Spec::from_json(&json!({"name": "x", "programs": programs, "hooks": hooks})).unwrap()
}

#[test]
fn of_long_programs_the_beginning_is_shown() {
    let spec = doubling(16);
    assert_eq!(spec.steps_of(Target::Program(15)), 65_536);
    let text = draw(&spec, &[15], Format::Text);
    assert!(text.ends_with("… of 65536 steps in all\n") && text.lines().count() < 10_010, "{}", text.len());
    for format in [Format::Mermaid, Format::Dot, Format::Svg] {
        let drawn = draw(&spec, &[15], format);
        assert!(drawn.contains(" more steps are left out"), "{format:?}");
        assert!(drawn.len() < 500_000, "{format:?}: {}", drawn.len());
    }
}

/// Every hook depends on the next.
fn chain(hooks: usize) -> Spec {
    let hook = |place: usize| {
        let needs = if place + 1 < hooks { vec![format!("h{}", place + 1)] } else { Vec::new() };
        (format!("h{place}"), json!({"reference": format!("h{place}"), "args": {}, "dependencies": needs}))
    };
    let hooks: serde_json::Map<_, _> = (0..hooks).map(hook).collect();
    let programs = json!({"p": {"hooks": ["h0"], "args": {}, "outputs": {}}});
    Spec::from_json(&json!({"name": "x", "programs": programs, "hooks": hooks})).unwrap()
}

#[test]
fn of_deep_programs_the_top_is_shown() {
    let spec = chain(10_000);
    let text = draw(&spec, &[0], Format::Text);
    assert!(text.contains("needs 9960 h40 …"), "{text}");
    for format in Format::ALL {
        assert!(draw(&spec, &[0], format).len() < 100_000, "{format:?}");
    }
}

#[test]
fn an_empty_program_is_shown() {
    let json = json!({"name": "x", "programs": {"p": {"hooks": [], "args": {}, "outputs": {}}}, "hooks": {}});
    let spec = Spec::from_json(&json).unwrap();
    for format in Format::ALL {
        let drawn = all(&spec, format);
        assert!(drawn.contains("no hooks"), "{format:?}: {drawn}");
        assert!(!draw(&spec, &[], format).contains("no hooks"));
    }
    assert_eq!(draw(&spec, &[7], Format::Text), "", "a place without a program");
}
