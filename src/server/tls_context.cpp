#include "server/tls_context.h"

#include "base/error.h"

namespace dsa::server {

std::shared_ptr<boost::asio::ssl::context> make_tls_context(const std::string& cert, const std::string& key) {
  using boost::asio::ssl::context;
  if (cert.empty() || key.empty()) fail("TLS needs both a `tls_cert` and a `tls_key`");
  auto tls = std::make_shared<context>(context::tls_server);
  tls->set_options(context::default_workarounds | context::no_sslv2 | context::no_sslv3 | context::no_tlsv1 |
                   context::no_tlsv1_1 | context::no_compression);
  boost::system::error_code error;
  tls->use_certificate_chain_file(cert, error);
  if (error) fail("{}: {}: expected a certificate in PEM", printable(cert), error.message());
  tls->use_private_key_file(key, context::pem, error);
  if (error)
    fail("{}: {}: expected the private key of {} in PEM", printable(key), error.message(), printable(cert));
  return tls;
}

}  // namespace dsa::server
