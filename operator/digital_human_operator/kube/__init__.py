"""
The machinery: everything between a pure decision and the API server, without a word of the domain.

==============  ====================================================================================
resources       what a kind is called and where it lives on the API server
transport       one HTTP session, typed errors, a token that renews itself
client          list / watch / apply / delete
credentials     kubeconfig or ServiceAccount -> server, TLS and a token that renews itself
live            one watched object as a fingerprint of half a kibibyte
ownership       managedFields -> the part of an object that one field manager owns
normal          the canonical form in which wanted and live objects are compared
store           the last seen fingerprints of one kind, indexed by the object that owns them
reflector       list, watch, relist: keeps a store true
workqueue       keyed, deduplicating, two priorities, delays, exponential backoff
limiter         how many writes may be in flight: less when the API server says so
apply           the ways to skip a write, and the write
lease           who may write
events          Kubernetes Events on transitions, deduplicated
discovery       which optional kinds the API server serves
references      Secrets and ConfigMaps of other people: present, which keys, what digest
==============  ====================================================================================
"""
