import Decryptor

Decryptor.run()
