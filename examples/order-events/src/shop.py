import json
import os

import boto3

AT_ONCE = 10  # PutEvents takes no more.


def handler(event, context):
    """Puts each of `event['orders']` on the bus; the ones that it did not take are in the answer."""
    entries = [{'EventBusName': os.environ['BUS'], 'Source': 'shop', 'DetailType': 'OrderPlaced',
                'Detail': json.dumps(order)} for order in event['orders']]
    events = boto3.client('events')
    failed = []
    for start in range(0, len(entries), AT_ONCE):
        answer = events.put_events(Entries=entries[start:start + AT_ONCE])
        failed += [{'order': event['orders'][start + i], 'error': result['ErrorCode']}
                   for i, result in enumerate(answer['Entries']) if 'ErrorCode' in result]
    return {'placed': len(entries) - len(failed), 'failed': failed}
