// Drives the object store with the stock JavaScript SDK v3 and its default checksums: whole bodies,
// streams (aws-chunked with trailers), uploads in parts, presigned URLs; exits non-zero at the first
// surprise.
const assert = require('node:assert/strict');
const crypto = require('node:crypto');
const { Readable } = require('node:stream');
const s3 = require('@aws-sdk/client-s3');
const { Upload } = require('@aws-sdk/lib-storage');
const { getSignedUrl } = require('@aws-sdk/s3-request-presigner');

const client = new s3.S3Client({
  endpoint: process.env.HEARTH_URL, region: 'us-east-1', maxAttempts: 1, forcePathStyle: true,
  credentials: { accessKeyId: 'any', secretAccessKey: 'any' },
});
const send = (operation, input = {}) => client.send(new s3[`${operation}Command`](input));
const Bucket = 'from-javascript';
const bytes = async (body) => Buffer.from(await body.transformToByteArray());

async function wholeAndStreamed() {
  const body = crypto.randomBytes(300000);
  const put = await send('PutObject', { Bucket, Key: 'whole', Body: body, Metadata: { a: 'b' } });
  assert.ok(put.ChecksumCRC32, 'the client checks CRC32 by default');
  const got = await send('GetObject', { Bucket, Key: 'whole', ChecksumMode: 'ENABLED' });
  assert.deepEqual(await bytes(got.Body), body);
  assert.equal(got.ChecksumCRC32, put.ChecksumCRC32);
  assert.deepEqual(got.Metadata, { a: 'b' });
  for (const ChecksumAlgorithm of ['CRC32', 'CRC32C', 'SHA1', 'SHA256']) {
    const streamed = await send('PutObject', {
      Bucket, Key: 'streamed', Body: Readable.from([body.subarray(0, 100000), body.subarray(100000)]),
      ContentLength: body.length, ChecksumAlgorithm,
    });
    assert.ok(streamed[`Checksum${ChecksumAlgorithm}`]);
    assert.deepEqual(await bytes((await send('GetObject', { Bucket, Key: 'streamed' })).Body), body);
    assert.equal((await send('HeadObject', { Bucket, Key: 'streamed' })).ContentEncoding, undefined);
  }
}

async function inParts() {
  const body = crypto.randomBytes(12 << 20);
  const upload = new Upload({ client, params: { Bucket, Key: 'parts', Body: Readable.from([body]) } });
  await upload.done();
  assert.deepEqual(await bytes((await send('GetObject', { Bucket, Key: 'parts' })).Body), body);
}

async function listedAndDeleted() {
  const { Contents } = await send('ListObjectsV2', { Bucket });
  assert.deepEqual(Contents.map((each) => each.Key), ['parts', 'streamed', 'whole']);
  const url = await getSignedUrl(client, new s3.GetObjectCommand({ Bucket, Key: 'whole' }));
  assert.equal((await fetch(url)).status, 200);
  const { Deleted } = await send('DeleteObjects',
    { Bucket, Delete: { Objects: Contents.map(({ Key }) => ({ Key })) } });
  assert.equal(Deleted.length, 3);
  await assert.rejects(send('GetObject', { Bucket, Key: 'whole' }), s3.NoSuchKey);
  await send('DeleteBucket', { Bucket });
  await assert.rejects(send('ListObjectsV2', { Bucket }), (error) => error.name === 'NoSuchBucket');
}

(async () => {
  await send('CreateBucket', { Bucket });
  await wholeAndStreamed();
  await inParts();
  await listedAndDeleted();
  console.log('all operations passed');
})().catch((error) => { console.error(error); process.exit(1); });
