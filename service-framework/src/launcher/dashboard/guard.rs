//! Who may see the page, and what a browser is told that shows it. Every request passes here first.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::header::{
    AUTHORIZATION, COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION, ORIGIN, SET_COOKIE,
};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;

use super::answer::{self, Answer, No};
use super::hosts::Hosts;
use super::query::Query;
use super::secret::Secret;
use super::visitor::Visitor;

/// The header in which the page shows that it is the page, whenever something is to be done.
const PAGE: &str = "x-dashboard-secret";

/// What every answer tells the browser: nothing but what this program serves, in no frame, kept nowhere.
const RULES: [(&str, &str); 7] = [
    (
        "content-security-policy",
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'; \
         require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    ("cache-control", "no-store"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
];

/// Who may come in.
pub(super) struct Guard {
    pub(super) hosts: Hosts,
    /// What everybody has to know, if it is served beyond this machine; else this user's own processes may come in.
    pub(super) token: Option<Secret>,
    /// What the page alone knows, if it may do something.
    pub(super) page: Option<Secret>,
    /// The port, after which the cookie is named: cookies do not know ports.
    pub(super) port: u16,
}

/// Lets a request pass, or says why not.
pub(super) async fn check(
    State(guard): State<Arc<Guard>>,
    Extension(visitor): Extension<Visitor>,
    request: Request,
    next: Next,
) -> Answer {
    let mut answer = match guard.entrance(visitor, &request) {
        Ok(Entrance::Open) => next.run(request).await,
        Ok(Entrance::WithToken(token)) => guard.welcome(&token),
        Err(no) => no.answer(),
    };
    for (name, value) in RULES {
        answer.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    answer
}

/// How a request comes in.
enum Entrance {
    Open,
    /// By the URL that was printed; from then on by a cookie.
    WithToken(String),
}

impl Guard {
    fn entrance(&self, visitor: Visitor, request: &Request) -> Result<Entrance, No> {
        let headers = request.headers();
        self.check_host(headers)?;
        check_site(request)?;
        let Some(token) = &self.token else {
            return match visitor.is_own {
                true => Ok(Entrance::Open),
                false => Err(No::forbidden(
                    "other_user",
                    "this page is for processes of the user who serves it; `dashboard --listen` serves it to others",
                )),
            };
        };
        if self.shown_tokens(headers).any(|shown| token.is(shown)) {
            return Ok(Entrance::Open);
        }
        match Query::read(request.uri().query()).text("token").filter(|shown| token.is(shown)) {
            Some(shown) if request.uri().path() == "/" => Ok(Entrance::WithToken(shown.to_owned())),
            _ => Err(No::new(
                StatusCode::UNAUTHORIZED,
                "no_token",
                "this page asks for a token: open the URL that was printed when it was started",
            )),
        }
    }

    fn check_host(&self, headers: &HeaderMap) -> Result<(), No> {
        let mut hosts = headers.get_all(HOST).iter().map(HeaderValue::to_str);
        match (hosts.next(), hosts.next()) {
            (Some(Ok(host)), None) if self.hosts.take(host) => Ok(()),
            _ => Err(No::new(
                StatusCode::MISDIRECTED_REQUEST,
                "foreign_host",
                "this page is not called so; use the URL that was printed, or `--listen NAME:PORT`",
            )),
        }
    }

    fn shown_tokens<'a>(&self, headers: &'a HeaderMap) -> impl Iterator<Item = &'a str> {
        let name = self.cookie();
        let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let cookies = cookies.flat_map(|value| value.split(';'));
        let shown = cookies.filter_map(move |cookie| cookie.trim().strip_prefix(&name)?.strip_prefix('='));
        let bearer =
            headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        shown.chain(bearer)
    }

    fn cookie(&self) -> String {
        format!("service_framework_{}", self.port)
    }

    /// Gives the cookie, and takes the token out of the URL.
    fn welcome(&self, token: &str) -> Answer {
        let cookie = format!("{}={token}; HttpOnly; SameSite=Strict; Path=/", self.cookie());
        let mut answer = answer::with(StatusCode::SEE_OTHER, "text/plain", "");
        answer.headers_mut().insert(LOCATION, HeaderValue::from_static("/"));
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            answer.headers_mut().insert(SET_COOKIE, cookie);
        }
        answer
    }

    /// Whether the page itself asks that something is done, and may.
    pub(super) fn may_act(&self, headers: &HeaderMap) -> Result<(), No> {
        let Some(page) = &self.page else {
            return Err(No::forbidden(
                "read_only",
                "this page only shows; --allow_actions lets it do something",
            ));
        };
        let shown = headers.get(PAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        match page.is(shown) {
            true => Ok(()),
            false => Err(No::forbidden("foreign_page", "only the page itself may do this: load it again")),
        }
    }
}

/// Pages of other sites may lead here and nothing else.
fn check_site(request: &Request) -> Result<(), No> {
    let text = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or_default());
    let is_ours = text("sec-fetch-site").is_none_or(|site| matches!(site, "same-origin" | "none"));
    let is_link = request.method() == Method::GET && request.uri().path() == "/";
    let is_same = text(ORIGIN.as_str())
        .is_none_or(|origin| origin.split_once("://").map(|(_, host)| host) == text(HOST.as_str()));
    match (is_ours || is_link) && is_same {
        true => Ok(()),
        false => Err(No::forbidden("foreign_site", "pages of other sites get nothing here")),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::super::settings::Listen;
    use super::*;

    fn guard(is_elsewhere: bool, may_act: bool) -> Guard {
        let secret = || Secret::new().unwrap();
        Guard {
            hosts: Hosts::of(&Listen::default(), "desk"),
            token: is_elsewhere.then(secret),
            page: may_act.then(secret),
            port: 7,
        }
    }

    fn request(path: &str, headers: &[(&str, &str)]) -> Request {
        let request = Request::builder().uri(path).header("host", "127.0.0.1:7");
        headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value))
            .body(Body::empty())
            .unwrap()
    }

    fn refusal(guard: &Guard, is_own: bool, request: &Request) -> Option<u16> {
        guard.entrance(Visitor { is_own }, request).err().map(|no| no.status.as_u16())
    }

    #[test]
    fn on_this_machine_its_own_user_comes_in() {
        let guard = guard(false, false);
        assert_eq!(refusal(&guard, true, &request("/", &[])), None);
        assert_eq!(refusal(&guard, false, &request("/", &[])), Some(403));
    }

    #[test]
    fn elsewhere_everybody_needs_the_token() {
        let guard = guard(true, false);
        let token = guard.token.clone().unwrap().text().to_owned();
        let with = |name, value: String| request("/api/live", &[(name, value.as_str())]);
        assert_eq!(refusal(&guard, true, &request("/", &[])), Some(401));
        assert_eq!(
            refusal(&guard, true, &with("cookie", format!("service_framework_7={token}x"))),
            Some(401)
        );
        assert_eq!(refusal(&guard, true, &with("cookie", format!("service_framework_8={token}"))), Some(401));
        assert_eq!(
            refusal(&guard, false, &with("cookie", format!("a=b; service_framework_7={token}"))),
            None
        );
        assert_eq!(refusal(&guard, false, &with("authorization", format!("Bearer {token}"))), None);
        assert_eq!(refusal(&guard, false, &request(&format!("/api/live?token={token}"), &[])), Some(401));
        let came = guard.entrance(Visitor { is_own: false }, &request(&format!("/?token={token}"), &[]));
        let Ok(Entrance::WithToken(shown)) = came else { panic!("not let in") };
        let cookie = guard.welcome(&shown).headers()[SET_COOKIE].to_str().unwrap().to_owned();
        assert!(cookie.contains("HttpOnly; SameSite=Strict"), "{cookie}");
    }

    #[test]
    fn other_names_and_other_sites_get_nothing() {
        let guard = guard(false, false);
        let own = |path, headers: &[(&str, &str)]| refusal(&guard, true, &request(path, headers));
        assert_eq!(own("/api/live", &[("host", "evil.example")]), Some(421), "two hosts");
        let mut foreign = request("/", &[]);
        foreign.headers_mut().insert(HOST, HeaderValue::from_static("evil.example"));
        assert_eq!(refusal(&guard, true, &foreign), Some(421));
        foreign.headers_mut().remove(HOST);
        assert_eq!(refusal(&guard, true, &foreign), Some(421), "none");
        assert_eq!(own("/api/live", &[("sec-fetch-site", "cross-site")]), Some(403));
        assert_eq!(own("/", &[("sec-fetch-site", "cross-site")]), None, "a link may lead here");
        assert_eq!(own("/api/live", &[("origin", "http://127.0.0.1:8")]), Some(403));
        assert_eq!(own("/api/live", &[("origin", "null")]), Some(403));
        assert_eq!(
            own("/api/live", &[("origin", "http://127.0.0.1:7"), ("sec-fetch-site", "same-origin")]),
            None
        );
    }

    #[test]
    fn only_the_page_does_something_and_only_if_it_may() {
        let headers = |secret: &str| request("/", &[(PAGE, secret)]).headers().clone();
        assert!(guard(false, false).may_act(&headers("")).is_err());
        let guard = guard(false, true);
        let secret = guard.page.clone().unwrap();
        assert!(guard.may_act(&headers(secret.text())).is_ok());
        assert!(guard.may_act(&headers("guessed")).is_err());
        assert!(guard.may_act(&HeaderMap::new()).is_err());
    }
}
