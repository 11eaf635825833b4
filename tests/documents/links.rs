//! The links of the documents.

use std::path::{Component, Path, PathBuf};
use tests::spec::documents::{Document, root};

/// The path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, component| {
        match component {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            other => plain.push(other),
        }
        plain
    })
}

/// The target file of a link, from the root, and the heading in it.
fn target(document: &Document, link: &str) -> Option<(PathBuf, Option<String>)> {
    if link.starts_with("https://") {
        return None;
    }
    // GitHub's page of a workflow, relative to the document's page there.
    if let Some(workflow) = link.strip_prefix("../../actions/workflows/") {
        let file = workflow.strip_suffix("/badge.svg").unwrap_or(workflow);
        return Some((Path::new(".github/workflows").join(file), None));
    }
    let (file, heading) = link.split_once('#').map_or((link, None), |(file, heading)| (file, Some(heading)));
    let folder = document.path.parent().unwrap();
    let file = if file.is_empty() { document.path.clone() } else { plain(&folder.join(file)) };
    Some((file, heading.map(str::to_owned)))
}

#[test]
fn every_link_leads_to_an_existing_file_and_heading() {
    let documents = Document::all();
    let mut dead = Vec::new();
    for document in &documents {
        for link in &document.links {
            let Some((file, heading)) = target(document, link) else { continue };
            let known = documents.iter().find(|other| other.path == file);
            let good = match (known, heading) {
                (Some(known), Some(heading)) => known.anchors().contains(&heading),
                (None, Some(_)) => false,
                (_, None) => root().join(&file).exists(),
            };
            if !good {
                dead.push(format!("{}: {link}", document.path.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{dead:#?}");
}

#[test]
fn the_readme_links_to_every_guide() {
    let readme = Document::read("README.md");
    let targets: Vec<_> = readme.links.iter().filter_map(|link| target(&readme, link)).map(|(file, _)| file).collect();
    for document in Document::all() {
        assert!(document.path == readme.path || targets.contains(&document.path), "{}", document.path.display());
    }
}
