// Greets whoever the event names.
exports.handler = async (event, context) => {
  const name = event?.name ?? 'world';
  console.log(`greeting ${name}`);
  return { message: `${process.env.GREETING}, ${name}!`, request_id: context.awsRequestId };
};
