//! Documents that come in the place of an answer, all of them with status 200.

use super::Lie;

const ERROR_ROOT: &str = "<error><code>error.internal</code><message>Something went wrong</message></error>";
const DEEP_ERROR: &str = "<response><result><error><code>error.internal</code><message>Something went wrong\
                          </message></error></result></response>";
const SOAP_FAULT: &str =
    "<soap:Envelope xmlns:soap=\"http://schemas.xmlsoap.org/soap/envelope/\"><soap:Body>\
                          <soap:Fault><faultcode>soap:Server</faultcode><faultstring>Something went wrong\
                          </faultstring></soap:Fault></soap:Body></soap:Envelope>";
const STATUS_FAIL: &str = "<response status=\"fail\"/>";
const MAINTENANCE: &str = "<maintenance until=\"2031-01-01T04:00:00\"/>";
const EMPTY_ROOT: &str = "<response/>";

/// The document that this lie is, if it is one.
pub fn of(lie: Lie) -> Option<&'static str> {
    Some(match lie {
        Lie::ErrorRoot | Lie::ErrorRootDone => ERROR_ROOT,
        Lie::DeepError | Lie::DeepErrorDone => DEEP_ERROR,
        Lie::SoapFault | Lie::SoapFaultDone => SOAP_FAULT,
        Lie::StatusFail | Lie::StatusFailDone => STATUS_FAIL,
        Lie::Maintenance | Lie::MaintenanceDone => MAINTENANCE,
        Lie::EmptyRoot | Lie::EmptyRootDone => EMPTY_ROOT,
        _ => return None,
    })
}
