import json


def handler(event, context):
    """Does each job; those that fail are named, so that the others of the batch are done for good."""
    failed = []
    for record in event['Records']:
        try:
            job = json.loads(record['body'])
            print('done:', job['task'])
        except (ValueError, KeyError, TypeError) as error:
            print('failed:', record['body'], repr(error))
            failed.append({'itemIdentifier': record['messageId']})
    return {'batchItemFailures': failed}
