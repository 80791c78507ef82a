use super::{Side, rewrite};

fn rewritten(source: &str) -> String {
    rewrite(source).unwrap().text().to_owned()
}

#[test]
fn imports_of_the_prelude_become_assignments() {
    for (source, expected) in [
        ("import flow.http as h\n", "h=__flow__.http\n"),
        ("import flow.time\n", "flow=__flow__\n"),
        ("import flow\n", "flow=__flow__\n"),
        ("from flow import http, time as t\n", "http,t=__flow__.http,__flow__.time\n"),
        ("from flow.time import sleep\n", "sleep=__flow__.time.sleep\n"),
        (
            "from flow.http import (callback,\n   request as rq,  # two\n)\nx = 1\n",
            "callback,rq=__flow__.http.callback,__flow__.http.request \\\n \\\n\nx = 1\n",
        ),
        ("import time, random, json\n", "time=__flow__.stdtime;random=__flow__.random;import json\n"),
        ("import json, math\n", "import json, math\n"),
        ("from json import loads\n", "from json import loads\n"),
        ("if x: import flow.http as h; y = 1\n", "if x: h=__flow__.http; y = 1\n"),
        (
            "def f():\n    import uuid\n    return uuid\n",
            "def f():\n    uuid=__flow__.uuid\n    return uuid\n",
        ),
    ] {
        assert_eq!(rewritten(source), expected);
    }
}

#[test]
fn awaits_exceptions_and_responses_are_wrapped() {
    for (source, expected) in [
        ("await x\n", "await __flow_wait__(x)\n"),
        ("await f(await (y))\n", "await __flow_wait__(f(await (__flow_wait__(y))))\n"),
        ("f'{await x}'\n", "f'{await __flow_wait__(x)}'\n"),
        ("raise ValueError(x, y)\n", "raise ValueError(__flow_msg__(x, y))\n"),
        ("raise ValueError('a')\n", "raise ValueError('a')\n"),
        ("raise ValueError(f'a{x}')\n", "raise ValueError(f'a{x}')\n"),
        ("raise ValueError()\n", "raise ValueError()\n"),
        ("raise ValueError((x))\n", "raise ValueError(__flow_msg__((x)))\n"),
        ("r.text\n", "__flow_text__(r).text\n"),
        ("(a or b).status_code\n", "(__flow_sent__(a or b)).status_code\n"),
        ("r.text = r.url\n", "r.text = r.url\n"),
        ("await r.text\n", "await __flow_wait__(__flow_text__(r).text)\n"),
        ("#!/usr/bin/env flow\nx = 1\n", "#!/usr/bin/env flow\nx = 1\n"),
    ] {
        assert_eq!(rewritten(source), expected);
    }
}

#[test]
fn places_are_found_again() {
    let source = "import flow.http as h; é = await h.x\nfrom flow.http import (a,\n  b)\ny = a.text + b\n";
    let rewritten = rewrite(source).unwrap();
    let text = rewritten.text();
    assert_eq!(text.lines().count(), source.lines().count());
    for (line, word) in [(1, "é"), (1, "h.x"), (4, "a"), (4, "b")] {
        let column = |text: &str| {
            let line = text.lines().nth(line as usize - 1).unwrap();
            line[..line.rfind(word).unwrap()].chars().count() as u32 + 1
        };
        let (new, old) = (column(text), column(source));
        if word != "a" {
            assert_eq!(rewritten.back(line, new, Side::Start), (line, old), "{word}");
            let end = word.chars().count() as u32;
            assert_eq!(rewritten.back(line, new + end, Side::End), (line, old + end), "{word}");
        }
    }
    // Within what came in, it is the place where it came in.
    assert_eq!(rewritten.back(1, 3, Side::Start), (1, 1));
    assert_eq!(rewritten.back(4, 8, Side::Start), (4, 5));
}

#[test]
fn what_is_no_python_is_told_with_its_place() {
    let complaint = rewrite("x = 1\ny = (\n").unwrap_err();
    assert_eq!(complaint.line, 3);
    let complaint = rewrite("  x = 1\n").unwrap_err();
    assert_eq!(complaint.line, 1);
    let complaint = rewrite("x = __flow_host('a', [])\n").unwrap_err();
    assert_eq!((complaint.line, complaint.column), (1, 5));
    assert!(rewrite("x = '__flow'\n# __flow\n").is_ok());
}
