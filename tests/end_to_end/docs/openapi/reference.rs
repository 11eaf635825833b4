//! The document as a page.

use std::process::Command;
use tests::spec::openapi::root;

#[test]
fn the_reference_is_a_page_that_loads_nothing_from_elsewhere() {
    let python = root().join(".venv/openapi/bin/python");
    let folder = root().join("target/api-reference");
    let output = Command::new(python).arg("infra/openapi/reference.py").arg(&folder).current_dir(root()).output();
    let output = output.expect("the environment is there: `make setup-tests` makes it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let page = std::fs::read_to_string(folder.join("index.html")).unwrap();
    let loaded: Vec<_> = page.split(" src=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(vec!["redoc.standalone.js"], loaded);
    assert!(page.contains("postInboundMessage"), "{page}");
    let bundle = std::fs::read_to_string(folder.join(loaded[0])).unwrap();
    assert!(bundle.contains("Redoc") && !bundle.contains("//cdn."));
}
