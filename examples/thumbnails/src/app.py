"""Keeps a thumbnail and an entry in an index for each picture of a bucket."""
import html
import json
import os
import urllib.parse

import boto3
import botocore.exceptions

import png

s3 = boto3.client('s3')  # Hearth's, by AWS_ENDPOINT_URL.
THUMBNAILS = os.environ['THUMBNAILS']
LARGEST = int(os.environ['LARGEST'])


def handler(event, context):
    for record in event['Records']:
        bucket = record['s3']['bucket']['name']
        update(bucket, urllib.parse.unquote_plus(record['s3']['object']['key']))
    write_index()


def update(bucket, key):
    """Events may come twice, and late: what counts is what the bucket holds now."""
    try:
        picture = s3.get_object(Bucket=bucket, Key=key)
        data = picture['Body'].read()
        full = png.decode(data)
    except botocore.exceptions.ClientError as error:
        if error.response['Error']['Code'] != 'NoSuchKey':
            raise
        return remove(key, 'it is gone')
    except ValueError as error:  # Another try would not change it.
        return remove(key, str(error))
    small = png.shrunk(full, LARGEST)
    s3.put_object(Bucket=THUMBNAILS, Key='small/' + key, Body=png.encode(small),
                  ContentType='image/png')
    entry = {'key': key, 'etag': picture['ETag'].strip('"'), 'bytes': len(data),
             'width': full.width, 'height': full.height,
             'small': {'key': 'small/' + key, 'width': small.width, 'height': small.height}}
    s3.put_object(Bucket=THUMBNAILS, Key=f'index/{key}.json', Body=json.dumps(entry),
                  ContentType='application/json')
    print('made:', key, f'{full.width}x{full.height} -> {small.width}x{small.height}')


def remove(key, why):
    for name in (f'index/{key}.json', 'small/' + key):
        s3.delete_object(Bucket=THUMBNAILS, Key=name)
    print('none:', key, why)


def entries():
    """Name and version of each."""
    pages = s3.get_paginator('list_objects_v2').paginate(Bucket=THUMBNAILS, Prefix='index/')
    return [(each['Key'], each['ETag']) for page in pages for each in page.get('Contents', [])]


def write_index():
    """Others may do the same at once: whoever writes last has seen what all of them made."""
    now = entries()
    while True:
        shown = now
        cards = [card(name) for name, _ in shown]
        s3.put_object(Bucket=THUMBNAILS, Key='index.html', Body=PAGE % ''.join(cards),
                      ContentType='text/html; charset=utf-8')
        now = entries()
        if now == shown:
            return


def card(name):
    try:
        entry = json.load(s3.get_object(Bucket=THUMBNAILS, Key=name)['Body'])
    except s3.exceptions.NoSuchKey:
        return ''
    small = entry['small']
    return CARD % (html.escape(urllib.parse.quote(small['key'])), small['width'], small['height'],
                   html.escape(entry['key']), entry['width'], entry['height'])


CARD = ('<figure><img src="%s" width="%d" height="%d" alt=""><figcaption>%s<br>'
        '<small>%d &times; %d</small></figcaption></figure>\n')
PAGE = '''<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Pictures</title>
<style>
body { background: #15181d; color: #e6e8eb; font: 15px/1.4 system-ui, sans-serif; margin: 2rem; }
main { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { background: #20252c; border-radius: 8px; margin: 0; padding: .75rem; }
img { border-radius: 4px; display: block; }
figcaption { margin-top: .5rem; }
small { color: #8d97a3; }
</style>
<h1>Pictures</h1><main>
%s</main></html>
'''
