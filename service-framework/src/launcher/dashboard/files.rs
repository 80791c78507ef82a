//! The files of the page, which are part of the program.

/// Path, kind and text of each.
pub(super) static FILES: [(&str, &str, &str); 13] = [
    ("/", "text/html; charset=utf-8", include_str!("page/index.html")),
    ("/style.css", "text/css; charset=utf-8", include_str!("page/style.css")),
    ("/icon.svg", "image/svg+xml", include_str!("page/icon.svg")),
    ("/app.js", SCRIPT, include_str!("page/app.js")),
    ("/dom.js", SCRIPT, include_str!("page/dom.js")),
    ("/format.js", SCRIPT, include_str!("page/format.js")),
    ("/graph.js", SCRIPT, include_str!("page/graph.js")),
    ("/layout.js", SCRIPT, include_str!("page/layout.js")),
    ("/table.js", SCRIPT, include_str!("page/table.js")),
    ("/details.js", SCRIPT, include_str!("page/details.js")),
    ("/states.js", SCRIPT, include_str!("page/states.js")),
    ("/log.js", SCRIPT, include_str!("page/log.js")),
    ("/path.js", SCRIPT, include_str!("page/path.js")),
];

const SCRIPT: &str = "text/javascript; charset=utf-8";

#[cfg(test)]
mod tests {
    use super::*;

    /// What would read a text as HTML or as a program.
    const DANGEROUS: [&str; 8] = [
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "new Function",
        "DOMParser",
        "srcdoc",
    ];

    #[test]
    fn nothing_that_comes_from_outside_can_become_html() {
        for (path, _, text) in FILES {
            for word in DANGEROUS {
                assert!(!text.contains(word), "{path} has {word}");
            }
        }
    }

    #[test]
    fn the_page_needs_nothing_from_elsewhere() {
        for (path, _, text) in FILES {
            let text = text.replace("http://www.w3.org/2000/svg", "");
            assert!(!text.contains("http://") && !text.contains("https://"), "{path}");
        }
    }

    #[test]
    fn the_policy_forbids_what_stands_inline() {
        let page = FILES[0].2;
        assert!(
            !page.contains("<style") && !page.contains(" style=") && !page.contains(" onclick"),
            "{page}"
        );
        assert_eq!(page.matches("<script").count(), page.matches("<script type=\"module\" src=").count());
    }
}
