// A router as UPnP's Internet Gateway Device 2.0 describes one: its description, its external address, and ports that it
// forwards, each told as a line of JSON. Arguments: the host and port to listen on, and the external address.
import { createServer } from 'node:http'
import { argv } from 'node:process'
import { text } from 'node:stream/consumers'

const [host, port, external] = argv.slice(2)
const SERVICE = 'urn:schemas-upnp-org:service:WANIPConnection:2'

const DESCRIPTION = `<?xml version="1.0"?>
<root xmlns="urn:schemas-upnp-org:device-1-0">
  <specVersion><major>1</major><minor>0</minor></specVersion>
  <device>
    <deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:2</deviceType>
    <friendlyName>Router</friendlyName>
    <UDN>uuid:00000000-0000-0000-0000-000000000001</UDN>
    <deviceList><device>
      <deviceType>urn:schemas-upnp-org:device:WANDevice:1</deviceType>
      <deviceList><device>
        <deviceType>urn:schemas-upnp-org:device:WANConnectionDevice:1</deviceType>
        <serviceList><service>
          <serviceType>${SERVICE}</serviceType>
          <serviceId>urn:upnp-org:serviceId:WANIPConn1</serviceId>
          <controlURL>/control</controlURL>
          <eventSubURL>/events</eventSubURL>
          <SCPDURL>/service.xml</SCPDURL>
        </service></serviceList>
      </device></deviceList>
    </device></deviceList>
  </device>
</root>`

const answer = (action, body) => `<?xml version="1.0"?>
<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/">
  <s:Body><u:${action}Response xmlns:u="${SERVICE}">${body}</u:${action}Response></s:Body>
</s:Envelope>`

const server = createServer(async (request, response) => {
  response.setHeader('Content-Type', 'text/xml')
  const body = await text(request)
  if (request.method === 'GET') return response.end(DESCRIPTION)
  const action = /#(\w+)"?$/.exec(String(request.headers.soapaction))?.[1]
  const field = name => new RegExp(`<${name}>([^<]*)</${name}>`).exec(body)?.[1]
  const fields = [
    'NewExternalPort',
    'NewInternalPort',
    'NewInternalClient',
    'NewProtocol',
    'NewLeaseDuration'
  ]
  console.log(JSON.stringify({ action, ...Object.fromEntries(fields.map(name => [name, field(name)])) }))
  if (action === 'GetExternalIPAddress') {
    response.end(answer(action, `<NewExternalIPAddress>${external}</NewExternalIPAddress>`))
  } else if (action === 'AddAnyPortMapping') {
    response.end(answer(action, `<NewReservedPort>${field('NewExternalPort')}</NewReservedPort>`))
  } else {
    response.end(answer(action, ''))
  }
})
server.listen(Number(port), host, () => console.log(JSON.stringify({ action: 'ready' })))
