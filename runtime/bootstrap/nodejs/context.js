// The context object of a call, with every member that AWS documents.
'use strict';

const constant = {
  functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
  functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
  memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
  logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
  logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
};

function makeContext({ id, deadline, arn, client, identity, tenant }) {
  return {
    callbackWaitsForEmptyEventLoop: true,
    ...constant,
    awsRequestId: id,
    invokedFunctionArn: arn,
    clientContext: client.length > 0 ? JSON.parse(client.toString()) : undefined,
    identity: identity.length > 0 ? JSON.parse(identity.toString()) : undefined,
    tenantId: tenant || undefined,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  };
}

module.exports = { makeContext };
