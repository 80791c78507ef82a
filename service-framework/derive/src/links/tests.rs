use crate::testing::errors_of;

#[test]
fn what_is_written_names_each_link_once() {
    let input = syn::parse_quote! {
        struct Market {
            #[links(within = "2s", idempotent)]
            venue: Requester<Cancel, Cancelled>,
            #[links(calls = pricing::price_it, name = "price")]
            r#pricing: ExternalRequest<Order, Priced>,
            prices: sf::DeltaIn<Price>,
            settings: FullIn<Settings>,
        }
    };
    let external: syn::Type = syn::parse_quote!(ExternalRequest<Order, Priced>);
    let written = super::derive(&input).to_string();
    for expected in [
        quote::quote!(<Requester<Cancel, Cancelled> as __derived::Link>::declare(__fields, "venue",
            __derived::LinkOptions {
                within: __derived::Some(::core::time::Duration::new(2u64, 0u32)), idempotent: true,
                ..::core::default::Default::default()
            });),
        quote::quote!(
            "price",
            __derived::LinkOptions {
                calls: <#external>::calling("price_it", pricing::price_it),
                ..::core::default::Default::default()
            }
        ),
        quote::quote!(prices: <sf::DeltaIn<Price> as __derived::Link>::take(__taker)),
        quote::quote!(<FullIn<Settings> as __derived::Link>::declare(__fields, "settings", ::core::default::Default::default());),
        quote::quote!(__derived::asked_for!(links Market);),
    ] {
        assert!(written.contains(&expected.to_string()), "{expected}\nin {written}");
    }
}

#[test]
fn each_mistake_is_told_with_its_remedy() {
    for (source, expected) in [
        (
            "enum A { B }",
            "links are the fields of a struct, whose names are those of the connections and states",
        ),
        (
            "struct A { a: Option<Publisher<B>> }",
            "no link: fields of a struct of links are `Requester<A, R>`, `ExternalRequest<A, R>`, `Publisher<A>`, ",
        ),
        ("struct A(Publisher<B>);", "links are the fields of a struct"),
        (
            "struct A<'a> { a: Publisher<B<'a>> }",
            "a struct of links has no parameters: its links have types, and own what they hold",
        ),
        (
            "struct A { a: ExternalRequest<B, C> }",
            "an `ExternalRequest` calls a function of this program: say which by `#[links(calls = function)]`",
        ),
        (
            r#"struct A { #[links(topic = "x")] a: Requester<B, C> }"#,
            "a `Requester` has no use for `topic`, which is for `Publisher`, `DeltaIn`, `RecordIn`, `FullIn`, \
             `DeltaOut`, `RecordOut`, `FullOut`: it may have `name`, `within`, `idempotent`",
        ),
        (
            r#"struct A { #[links(within = "2")] a: Requester<B, C> }"#,
            "\"2\" is no length of time: a number with a unit, such as",
        ),
        (
            r#"struct A { #[links(within = 2)] a: Requester<B, C> }"#,
            "`within` is a text: write `within = \"5s\"`",
        ),
        (
            r#"struct A { #[links(topics("a"), topic = "b")] a: DeltaIn<B> }"#,
            "`topic` is for one owner, `topics` are for one owner each: leave one of them out",
        ),
        (
            r#"struct A { #[links(topics = "a")] a: DeltaIn<B> }"#,
            "`topics` are texts: write `topics(\"a\", \"b\")`",
        ),
        (
            r#"struct A { #[links(name = "b")] a: Publisher<B>, b: Requester<B, C> }"#,
            "two out connections are called \"b\", `a` and `b`: rename one",
        ),
        (
            r#"struct A { #[links(timeout = "2s")] a: Requester<B, C> }"#,
            "unknown attribute `timeout`: how long a request may take is `within = \"5s\"`",
        ),
        (
            "struct A { #[links(idempotent = true)] a: Requester<B, C> }",
            "`idempotent` has no value: write it alone",
        ),
    ] {
        let found = errors_of(super::derive, source);
        assert!(matches!(&found[..], [one] if one.starts_with(expected)), "{source}: {found:?}");
    }
    assert_eq!(
        errors_of(super::derive, r#"struct A { #[links(name = "b")] a: DeltaIn<B>, b: DeltaOut<C> }"#),
        [""; 0]
    );
}
