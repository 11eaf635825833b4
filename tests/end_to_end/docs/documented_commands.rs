//! The commands in the documents: which are run as documented, and where the others are run.

use super::guides::RUN;
use tests::spec::documents::{Block, Document, root};

/// A documented command that runs elsewhere.
struct Elsewhere {
    command: &'static str,
    /// The file that runs it, and the text there.
    run_by: (&'static str, &'static str),
}

/// Commands that build, deploy or test everything cannot run inside a test of the deployed stack.
const ELSEWHERE: &[Elsewhere] = &[
    Elsewhere { command: "make run", run_by: ("Makefile", "$(STEP) $(PRINTED_COMMANDS) make_run;") },
    Elsewhere { command: "make watch", run_by: ("Makefile", "$(STACK) $(PRINTED_COMMANDS) make_watch") },
    Elsewhere { command: "make test", run_by: (".ci/run", "make test") },
    Elsewhere {
        command: "make prerequisites",
        run_by: ("infra/local/test_prerequisites.py", "check(\"prerequisites\""),
    },
    Elsewhere { command: "make bench", run_by: ("bench/tests/bench.rs", "CARGO_BIN_EXE_bench") },
    Elsewhere { command: "make bench-parts", run_by: ("Makefile", "--bench parts") },
    Elsewhere {
        command: "make upgrade-test FROM=\"$DEPLOYED_COMMIT\"",
        run_by: ("Makefile", "rustdoc upgrade-test release-test ##"),
    },
    Elsewhere { command: "make deploy", run_by: ("infra/local/upgrade_test.py", "self.make(\"deploy\"") },
    Elsewhere { command: "make deploy NEW_STACK=yes", run_by: ("infra/local/pipeline_test.py", "NEW_STACK") },
    Elsewhere {
        command: "make deploy CONFIG_ENV=staging",
        run_by: ("infra/local/upgrade_test.py", "f\"CONFIG_ENV={UPGRADE}\""),
    },
    Elsewhere {
        command: "make deploy ARCHITECTURE=x86_64",
        run_by: ("infra/local/upgrade_test.py", "f\"ARCHITECTURE={ARCHITECTURE}\""),
    },
    Elsewhere {
        command: "aws s3 cp --recursive --exclude '*' --include '*.zip' . s3://BUCKET/patchbay/VERSION/",
        run_by: ("infra/local/release_test.py", "upload_file(str(code), BUCKET, prefix + code.name)"),
    },
    Elsewhere {
        command: "aws cloudformation deploy --stack-name patchbay --template-file template.yaml --s3-bucket BUCKET \
                  --capabilities CAPABILITY_IAM --parameter-overrides CodeBucket=BUCKET \
                  CodePrefix=patchbay/VERSION/ AlarmEmail=on-call@example.com",
        run_by: ("infra/local/release_test.py", "\"CodeBucket\": BUCKET"),
    },
    Elsewhere {
        command: ".venv/bin/python infra/kept.py > kept.json",
        run_by: ("infra/local/pipeline_test.py", "\"infra\" / \"kept.py\""),
    },
    Elsewhere {
        command: "aws cloudformation create-change-set --stack-name patchbay --change-set-name import \
                  --change-set-type IMPORT --template-body file://kept.json \
                  --resources-to-import file://resources.json",
        run_by: ("infra/local/pipeline_test.py", "cloudformation.create_change_set("),
    },
    Elsewhere {
        command: "aws cloudformation wait change-set-create-complete --stack-name patchbay --change-set-name import",
        run_by: ("infra/local/pipeline_test.py", "get_waiter(\"change_set_create_complete\")"),
    },
    Elsewhere {
        command: "aws cloudformation execute-change-set --stack-name patchbay --change-set-name import",
        run_by: ("infra/local/pipeline_test.py", "cloudformation.execute_change_set("),
    },
    Elsewhere {
        command: "aws cloudformation wait stack-import-complete --stack-name patchbay",
        run_by: ("infra/local/pipeline_test.py", "get_waiter(\"stack_import_complete\")"),
    },
    Elsewhere {
        command: "sha256sum --check --ignore-missing SHA256SUMS",
        run_by: ("infra/local/release_test.py", "\"sha256sum\", \"--check\""),
    },
    Elsewhere {
        command: "gh attestation verify SHA256SUMS --repo OWNER/REPOSITORY \
                  --signer-workflow OWNER/REPOSITORY/.github/workflows/release.yml --source-ref refs/tags/vVERSION",
        run_by: (".github/workflows/release.yml", "actions/attest-build-provenance@"),
    },
    Elsewhere {
        command: "cargo install --locked --path cli",
        run_by: ("Makefile", "cargo install --locked --path cli"),
    },
];

/// The commands of a document's `sh` blocks.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Run {
    /// Runs here, in order.
    Here(Vec<Block>),
    /// All of them run elsewhere.
    Nowhere,
}

/// The commands of a block, one per line, without comments.
fn lines(block: &Block) -> Vec<&str> {
    let bare = block.code.lines().map(|line| line.split(" # ").next().unwrap_or_default().trim());
    bare.filter(|line| !line.is_empty() && !line.starts_with("# ")).collect()
}

fn is_run_elsewhere(block: &Block) -> bool {
    let known = |line: &&str| ELSEWHERE.iter().any(|elsewhere| elsewhere.command == *line);
    let lines = lines(block);
    let count = lines.iter().filter(|line| known(line)).count();
    assert!(count == 0 || count == lines.len(), "partly run elsewhere: {}", block.code);
    count > 0
}

pub(super) fn to_run(document: &Document) -> Run {
    let blocks: Vec<_> = document.blocks_in("sh").filter(|block| !is_run_elsewhere(block)).cloned().collect();
    if blocks.is_empty() { Run::Nowhere } else { Run::Here(blocks) }
}

#[test]
fn every_document_with_commands_is_run() {
    let all = Document::all();
    let shows = |document: &&Document| to_run(document) != Run::Nowhere;
    let shown: Vec<_> = all.iter().filter(shows).map(|document| document.path.to_str().unwrap()).collect();
    assert_eq!(RUN, shown);
}

#[test]
fn commands_that_run_elsewhere_do_run_there_and_are_documented() {
    let documents = Document::all();
    for Elsewhere { command, run_by: (file, words) } in ELSEWHERE {
        let text = std::fs::read_to_string(root().join(file)).unwrap();
        assert!(text.contains(words), "{file} does not run `{command}`");
        let shown = |document: &Document| document.blocks_in("sh").any(|block| lines(block).contains(command));
        assert!(documents.iter().any(shown), "no document shows `{command}`");
    }
}

#[test]
fn commands_are_in_sh_blocks() {
    let programs = ["make", "patchbay", "curl", "sam", "aws", "cargo", "git", "python", "node", "export", "$"];
    for document in Document::all() {
        for block in document.blocks.iter().filter(|block| block.language != "sh") {
            let known = ["", "json", "js", "python"].contains(&block.language.as_str());
            assert!(known, "{}: what is `{}`?", document.path.display(), block.language);
            let begins = |line: &str| line.split_whitespace().next().is_some_and(|word| programs.contains(&word));
            assert!(!block.code.lines().any(begins), "{}: {}", document.path.display(), block.code);
        }
    }
}
