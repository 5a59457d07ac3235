// Go's own reverse proxy, as its documentation has it: no parsing, no policy. Settings: PORT, UPSTREAM.
package main

import (
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
)

// endedBody keeps to its end. The transport sends a body and then reads on, to see that nothing follows. If the answer
// comes before that, the server has closed the caller's body, the read fails and the transport drops the connection in
// the middle of the answer: about one stream in 1,000 on a busy machine.
type endedBody struct {
	io.ReadCloser
	ended bool
}

func (body *endedBody) Read(bytes []byte) (int, error) {
	if body.ended {
		return 0, io.EOF
	}
	count, err := body.ReadCloser.Read(bytes)
	body.ended = err == io.EOF
	return count, err
}

func main() {
	upstream, err := url.Parse(os.Getenv("UPSTREAM"))
	if err != nil {
		log.Fatal(err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	transport.MaxIdleConns = 0
	transport.MaxIdleConnsPerHost = 16384 // the default of 2 would open a socket per request
	transport.DisableCompression = true
	proxy := &httputil.ReverseProxy{
		Rewrite: func(request *httputil.ProxyRequest) {
			request.SetURL(upstream)
			if request.Out.Body != nil {
				request.Out.Body = &endedBody{ReadCloser: request.Out.Body}
			}
		},
		Transport:     transport,
		FlushInterval: -1,
	}
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), proxy))
}
