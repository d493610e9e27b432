// Drives schedules and their groups with the stock JavaScript SDK v3; exits non-zero at the first surprise.
const assert = require('node:assert/strict');
const scheduler = require('@aws-sdk/client-scheduler');

const client = new scheduler.SchedulerClient({
  endpoint: process.env.HEARTH_URL, region: 'us-east-1', maxAttempts: 1,
  credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
});
const send = (operation, input = {}) =>
  client.send(new scheduler[`${operation}Command`](input));
const refused = (operation, input, name) =>
  assert.rejects(send(operation, input), (error) => error.name === name, `${operation}: ${name}`);

const RoleArn = 'arn:aws:iam::000000000000:role/R';
const schedule = (more = {}) => ({
  Name: 'js', GroupName: 'js-group', ScheduleExpression: 'cron(0 12 L * ? *)',
  ScheduleExpressionTimezone: 'Europe/Berlin',
  StartDate: new Date('2030-01-01T00:00:00.500Z'), EndDate: new Date('2031-01-01T00:00:00Z'),
  FlexibleTimeWindow: { Mode: 'FLEXIBLE', MaximumWindowInMinutes: 15 },
  ActionAfterCompletion: 'DELETE', Description: 'caf\u00e9',
  Target: {
    Arn: 'arn:aws:lambda:us-east-1:000000000000:function:F', RoleArn, Input: '{"a": 1}',
    RetryPolicy: { MaximumRetryAttempts: 3, MaximumEventAgeInSeconds: 600 },
    DeadLetterConfig: { Arn: 'arn:aws:sqs:us-east-1:000000000000:dead' },
  },
  ...more,
});

async function main() {
  const { ScheduleGroupArn } = await send('CreateScheduleGroup', {
    Name: 'js-group', Tags: [{ Key: 'team', Value: 'a b' }] });
  await send('TagResource', { ResourceArn: ScheduleGroupArn, Tags: [{ Key: 'k&=', Value: 'v' }] });
  await send('UntagResource', { ResourceArn: ScheduleGroupArn, TagKeys: ['team', 'none'] });
  assert.deepEqual((await send('ListTagsForResource', { ResourceArn: ScheduleGroupArn })).Tags,
    [{ Key: 'k&=', Value: 'v' }]);
  const group = await send('GetScheduleGroup', { Name: 'js-group' });
  assert.equal(group.State, 'ACTIVE');
  assert.ok(group.CreationDate instanceof Date);

  const { ScheduleArn } = await send('CreateSchedule', schedule());
  const got = await send('GetSchedule', { Name: 'js', GroupName: 'js-group' });
  assert.equal(got.Arn, ScheduleArn);
  for (const [member, value] of Object.entries(schedule())) assert.deepEqual(got[member], value, member);
  await send('UpdateSchedule', schedule({ State: 'DISABLED', Description: undefined }));
  const updated = await send('GetSchedule', { Name: 'js', GroupName: 'js-group' });
  assert.equal(updated.State, 'DISABLED');
  assert.equal(updated.Description, undefined);
  assert.ok(updated.LastModificationDate >= got.LastModificationDate);

  await refused('CreateSchedule', schedule(), 'ConflictException');
  await refused('CreateSchedule', schedule({ GroupName: 'none' }), 'ResourceNotFoundException');
  await refused('CreateSchedule', schedule({ Name: 'x', ScheduleExpression: 'rate(1 second)' }),
    'ValidationException');
  await refused('GetSchedule', { Name: 'none' }, 'ResourceNotFoundException');

  for (let i = 0; i < 5; ++i) await send('CreateSchedule', schedule({ Name: `page${i}` }));
  const names = [];
  for await (const page of scheduler.paginateListSchedules(
    { client, pageSize: 2 }, { GroupName: 'js-group', NamePrefix: 'page' })) {
    names.push(...page.Schedules.map((each) => each.Name));
  }
  assert.deepEqual(names, ['page0', 'page1', 'page2', 'page3', 'page4']);
  const groups = [];
  for await (const page of scheduler.paginateListScheduleGroups({ client, pageSize: 1 }, {})) {
    groups.push(...page.ScheduleGroups.map((each) => each.Name));
  }
  assert.deepEqual(groups, ['default', 'js-group']);

  await send('DeleteSchedule', { Name: 'js', GroupName: 'js-group' });
  await refused('DeleteSchedule', { Name: 'js', GroupName: 'js-group' }, 'ResourceNotFoundException');
  await send('DeleteScheduleGroup', { Name: 'js-group' });
  for (let tries = 0; tries < 100; ++tries) {
    const left = await send('ListScheduleGroups', {});
    if (left.ScheduleGroups.length === 1) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await refused('GetScheduleGroup', { Name: 'js-group' }, 'ResourceNotFoundException');
  console.log('all operations passed');
}

main().catch((error) => { console.error(error); process.exit(1); });
