def handler(event, context):
    if 'requestContext' not in event:
        raise ValueError('not asked by way of the URL')
    name = event.get('queryStringParameters', {}).get('name', 'world')
    return {'statusCode': 200, 'headers': {'Content-Type': 'text/plain'}, 'body': f'Hello {name}\n'}
