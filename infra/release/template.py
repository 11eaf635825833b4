"""The template as a release has it: the functions' code is in a bucket, whose name is a parameter."""

import re

PARAMETERS = """\
Parameters:
  CodeBucket:
    Type: String
    MinLength: 3
    Description: The bucket with the functions' zip files, in the stack's region
  CodePrefix:
    Type: String
    Default: patchbay/{version}/
    Description: What the keys of the functions' zip files start with; another one for each version
"""
GROUP = """\
    ParameterGroups:
      - Label: {default: Code}
        Parameters: [CodeBucket, CodePrefix]
"""
CODE = r"""\1CodeUri:
\1  Bucket: !Ref CodeBucket
\1  Key: !Sub ${CodePrefix}\2-${Architecture}.zip"""


def packaged(template, version):
    """The template's text, and the functions that it names."""
    local = re.compile(r"^( +)CodeUri: \.\./target/lambda/(\S+)$", re.MULTILINE)
    functions = [name for _, name in local.findall(template)]
    text = local.sub(CODE, template)
    for line, replacement in (("Parameters:\n", PARAMETERS.replace("{version}", version)), ("    ParameterGroups:\n", GROUP)):
        text, replaced = re.subn(f"^{line}", lambda _: replacement, text, flags=re.MULTILINE)
        assert replaced == 1, f"the template has no single line {line!r}"
    return text, functions
