// Patchbay's stack of a release beside your own resources: your KMS key and alarm topic go in, and a function of yours gets
// the API's address. docs/deploy.md describes the parameters, the outputs and the files of a release.

import { App, CfnOutput, CfnStack, Fn, Stack } from "aws-cdk-lib";
import { ServicePrincipal } from "aws-cdk-lib/aws-iam";
import { Key } from "aws-cdk-lib/aws-kms";
import { Code, Function, Runtime } from "aws-cdk-lib/aws-lambda";
import { Bucket } from "aws-cdk-lib/aws-s3";
import { Topic } from "aws-cdk-lib/aws-sns";

const app = new App();
const stack = new Stack(app, "messaging");
// A bucket in the stack's region with the release's zip files and its template.yaml, and what their keys start with.
const codeBucket: string = app.node.getContext("codeBucket");
const codePrefix: string = app.node.getContext("codePrefix");

const key = new Key(stack, "Messages", { enableKeyRotation: true });
key.grantEncryptDecrypt(new ServicePrincipal(`logs.${stack.region}.${stack.urlSuffix}`));
key.grantEncryptDecrypt(new ServicePrincipal("cloudwatch.amazonaws.com"));
const onCall = new Topic(stack, "OnCall", { masterKey: key });

// A nested stack, so that a parameter can be a resource that is created here. It has a name of its own, which
// `patchbay --stack` needs: the output PatchbayStack.
const patchbay = new CfnStack(stack, "Patchbay", {
  templateUrl: Bucket.fromBucketName(stack, "Code", codeBucket).urlForObject(`${codePrefix}template.yaml`),
  parameters: {
    CodeBucket: codeBucket,
    CodePrefix: codePrefix,
    SecretPrefix: "patchbay",
    KmsKeyArn: key.keyArn,
    AlarmTopicArn: onCall.topicArn,
  },
});
const apiUrl = patchbay.getAtt("Outputs.ApiUrl").toString();

new Function(stack, "Reminders", {
  runtime: Runtime.NODEJS_22_X,
  handler: "index.handler",
  code: Code.fromInline("exports.handler = async () => console.log(process.env.PATCHBAY_API_URL);"),
  environment: { PATCHBAY_API_URL: apiUrl },
});

new CfnOutput(stack, "ApiUrl", { value: apiUrl });
new CfnOutput(stack, "PatchbayStack", { value: Fn.select(1, Fn.split("/", patchbay.ref)) });
