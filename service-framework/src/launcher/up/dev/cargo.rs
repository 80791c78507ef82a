//! Programs that Cargo has built: of which workspace they are, and how they are built again.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

/// The folder in which Cargo builds, unless it is told another one.
const TARGET: &str = "target";

/// A program that Cargo made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Product {
    pub(super) workspace: PathBuf,
    /// The folder of its profile: `debug` is that of the profile `dev`.
    pub(super) profile: String,
    pub(super) is_example: bool,
    pub(super) name: String,
}

/// What the program at `path` is to Cargo; None if Cargo did not make it.
pub(super) fn product(path: &Path) -> Option<Product> {
    let path = path.canonicalize().ok()?;
    let workspace = path.ancestors().find_map(|folder| {
        let is_target = folder.file_name() == Some(OsStr::new(TARGET));
        folder.parent().filter(|parent| is_target && parent.join("Cargo.toml").is_file())
    })?;
    let below: Vec<&str> = path.strip_prefix(workspace.join(TARGET)).ok()?.components().map(text).collect();
    let (profile, is_example, name) = match below.as_slice() {
        [profile, name] => (profile, false, name),
        [profile, "examples", name] => (profile, true, name),
        _ => return None,
    };
    Some(Product {
        workspace: workspace.to_owned(),
        profile: (*profile).to_owned(),
        is_example,
        name: (*name).to_owned(),
    })
}

fn text(component: Component<'_>) -> &str {
    component.as_os_str().to_str().unwrap_or_default()
}

/// What builds these, which are of one workspace and profile.
pub(super) fn command(profile: &str, products: &[Product]) -> Vec<String> {
    let mut words = ["cargo", "build", "--workspace"].map(str::to_owned).to_vec();
    match profile {
        "debug" => {}
        "release" => words.push("--release".to_owned()),
        other => words.extend(["--profile".to_owned(), other.to_owned()]),
    }
    for product in products {
        let kind = if product.is_example { "--example" } else { "--bin" };
        words.extend([kind.to_owned(), product.name.clone()]);
    }
    words
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_workspace_of_a_program_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let write = |name: &str| {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "").unwrap();
            path
        };
        write("shop/Cargo.toml");
        let stock = product(&write("shop/target/debug/stock")).unwrap();
        assert_eq!(stock.workspace, root.join("shop"));
        assert_eq!(
            command(&stock.profile, std::slice::from_ref(&stock)).join(" "),
            "cargo build --workspace --bin stock"
        );
        let desk = product(&write("shop/target/ci/examples/desk")).unwrap();
        assert_eq!(
            command(&desk.profile, std::slice::from_ref(&desk)).join(" "),
            "cargo build --workspace --profile ci --example desk"
        );
        assert_eq!(product(&write("bin/stock")), None);
        assert_eq!(product(&write("other/target/debug/stock")), None, "there is no Cargo.toml");
        assert_eq!(product(&root.join("nothing")), None);
    }
}
