// Drives a function's share of the account's concurrency with the stock JavaScript SDK v3; exits
// non-zero at the first surprise.
const assert = require('node:assert/strict');
const lambda = require('@aws-sdk/client-lambda');

const client = new lambda.LambdaClient({
  endpoint: process.env.HEARTH_URL, region: 'us-east-1', maxAttempts: 1,
  credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
});
const FunctionName = 'FromJs';
// send('PutFunctionConcurrency', {...}) of this function.
const send = (operation, input = {}) =>
  client.send(new lambda[`${operation}Command`]({ FunctionName, ...input }));
const refused = (operation, input, name) =>
  assert.rejects(send(operation, input), (error) => error.name === name, `${operation}: ${name}`);

(async () => {
  await send('CreateFunction', {
    Runtime: 'python3.12', Handler: 'app.handler', Role: 'arn:aws:iam::000000000000:role/lambda',
    Code: { ZipFile: Buffer.from(process.env.CODE_V1, 'base64') },
  });

  const put = await send('PutFunctionConcurrency', { ReservedConcurrentExecutions: 0 });
  assert.equal(put.ReservedConcurrentExecutions, 0);
  assert.equal((await send('GetFunctionConcurrency')).ReservedConcurrentExecutions, 0);
  await assert.rejects(send('Invoke', { Payload: '{}' }), (error) =>
    error instanceof lambda.TooManyRequestsException && error.message === 'Rate Exceeded.' &&
    error.Reason === 'ReservedFunctionConcurrentInvocationLimitExceeded' &&
    error.$metadata.httpStatusCode === 429);
  await refused('PutFunctionConcurrency', { ReservedConcurrentExecutions: 901 },
    'InvalidParameterValueException');
  await refused('PutFunctionConcurrency', { FunctionName: 'None', ReservedConcurrentExecutions: 1 },
    'ResourceNotFoundException');
  await send('DeleteFunctionConcurrency');
  assert.equal((await send('Invoke', { Payload: '{}' })).StatusCode, 200);
  const settings = await send('GetAccountSettings');
  assert.equal(settings.AccountLimit.ConcurrentExecutions, 1000);
  assert.equal(settings.AccountUsage.FunctionCount, 1);

  console.log('all operations passed');
})().catch((error) => {
  console.error(error);
  process.exit(1);
});
