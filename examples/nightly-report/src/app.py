import datetime
import json
import os
import zoneinfo

import boto3

BUCKET = os.environ['SALES']
ZONE = zoneinfo.ZoneInfo(os.environ['TIME_ZONE'])


def day_before(scheduled):
    """The shop's day that ended before this moment: '2026-11-28T01:00:00Z' is of '2026-11-27'."""
    moment = datetime.datetime.fromisoformat(scheduled.replace('Z', '+00:00')).astimezone(ZONE)
    return (moment.date() - datetime.timedelta(days=1)).isoformat()


def handler(event, context):
    """Sums the sales of a day.

    A night may come twice, as it comes at least once: the report is called after its day, and says the
    same the second time.
    """
    s3 = boto3.client('s3')
    day = day_before(event['scheduled'])
    amounts = []
    pages = s3.get_paginator('list_objects_v2').paginate(Bucket=BUCKET, Prefix=f'days/{day}/')
    for item in (item for page in pages for item in page.get('Contents', [])):
        sale = json.loads(s3.get_object(Bucket=BUCKET, Key=item['Key'])['Body'].read())
        amounts.append(sale['amount'])
    report = {'day': day, 'sales': len(amounts), 'sum': sum(amounts)}
    s3.put_object(Bucket=BUCKET, Key=f'reports/{day}.json', Body=json.dumps(report),
                  ContentType='application/json')
    print('report', json.dumps(report))
    return report
