// Drives Hearth's Lambda API with the stock JavaScript SDK v3; exits non-zero at the first surprise.
const assert = require('node:assert/strict');
const {
  LambdaClient, CreateFunctionCommand, GetFunctionCommand, ListFunctionsCommand,
  UpdateFunctionCodeCommand, UpdateFunctionConfigurationCommand, DeleteFunctionCommand,
  InvokeCommand, waitUntilFunctionActiveV2,
} = require('@aws-sdk/client-lambda');

const client = new LambdaClient({
  endpoint: process.env.HEARTH_URL, region: 'us-east-1', maxAttempts: 1,
  credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
});
const FunctionName = 'FromJs';

(async () => {
  const made = await client.send(new CreateFunctionCommand({
    FunctionName, Runtime: 'python3.12', Handler: 'app.handler',
    Role: 'arn:aws:iam::000000000000:role/lambda',
    Code: { ZipFile: Buffer.from(process.env.CODE_V1, 'base64') },
  }));
  assert.equal(made.FunctionName, FunctionName);
  await waitUntilFunctionActiveV2({ client, maxWaitTime: 10 }, { FunctionName });
  const got = await client.send(new GetFunctionCommand({ FunctionName }));
  assert.equal(got.Configuration.CodeSha256, made.CodeSha256);
  const zip = Buffer.from(await (await fetch(got.Code.Location)).arrayBuffer());
  assert.equal(zip.toString('base64'), process.env.CODE_V1);
  const listed = await client.send(new ListFunctionsCommand({}));
  assert.deepEqual(listed.Functions.map((f) => f.FunctionName), [FunctionName]);

  const called = await client.send(new InvokeCommand({
    FunctionName, Payload: '{"from":"js"}', LogType: 'Tail',
  }));
  assert.equal(called.StatusCode, 200);
  assert.equal(called.ExecutedVersion, '$LATEST');
  assert.deepEqual(JSON.parse(Buffer.from(called.Payload)).echo, { from: 'js' });
  assert.match(Buffer.from(called.LogResult, 'base64').toString(), /REPORT RequestId/);
  const dry = await client.send(new InvokeCommand({ FunctionName, InvocationType: 'DryRun' }));
  assert.equal(dry.StatusCode, 204);

  const slower = await client.send(new UpdateFunctionConfigurationCommand({
    FunctionName, Timeout: 11 }));
  assert.equal(slower.Timeout, 11);
  await client.send(new UpdateFunctionCodeCommand({
    FunctionName, ZipFile: Buffer.from(process.env.CODE_V2, 'base64') }));
  const failed = await client.send(new InvokeCommand({ FunctionName }));
  assert.equal(failed.FunctionError, 'Unhandled');
  await client.send(new DeleteFunctionCommand({ FunctionName }));
  await assert.rejects(client.send(new GetFunctionCommand({ FunctionName })),
    { name: 'ResourceNotFoundException' });
  console.log('all operations passed');
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
